#pragma once

#include <memory>

#include "job/command.h"
#include "store/disque/connection.h"
#include "store/store.h"

/// Disque's own commands that name jobs and answer with a number only: one request is sent for each job, all at once,
/// so that each job gets a status of its own.
namespace coworker::store::disque {

void start_each(const std::shared_ptr<Connection>& connection, const job::Enqueue& enqueue, Store::Done done);
void start_each(const std::shared_ptr<Connection>& connection, const job::Dequeue& dequeue, Store::Done done);
void start_each(const std::shared_ptr<Connection>& connection, const job::Remove& remove, Store::Done done);

/// The plain protocol's ACKJOB, NACK and WORKING for jobs whose tokens it does not know.
void start_each_ack(const std::shared_ptr<Connection>& connection, const job::Ack& ack, Store::Done done);
void start_each_nack(const std::shared_ptr<Connection>& connection, const std::vector<job::JobId>& jobs,
                     Store::Done done);
void start_each_working(const std::shared_ptr<Connection>& connection, const job::Extend& extend, Store::Done done);

void start_working(const std::shared_ptr<Connection>& connection, const job::Working& working, Store::Done done);

}  // namespace coworker::store::disque
