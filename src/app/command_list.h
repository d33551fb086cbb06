#pragma once

#include <boost/json/array.hpp>

#include "app/command.h"
#include "app/configuration.h"

/// What each command does; the table that names them is in commands.cc.
namespace coworker::app {

int run_add(const Arguments& arguments, const Context& context);
int run_process(const Arguments& arguments, const Context& context);
int run_queues(const Arguments& arguments, const Context& context);
int run_list_queues(const Arguments& arguments, const Context& context);
int run_queue_pause(const Arguments& arguments, const Context& context);
int run_queue_resume(const Arguments& arguments, const Context& context);
int run_queue_purge(const Arguments& arguments, const Context& context);
int run_jobs(const Arguments& arguments, const Context& context);
int run_job(const Arguments& arguments, const Context& context);
int run_job_cancel(const Arguments& arguments, const Context& context);
int run_dead_list(const Arguments& arguments, const Context& context);
int run_dead_show(const Arguments& arguments, const Context& context);
int run_dead_retry(const Arguments& arguments, const Context& context);
int run_dead_move(const Arguments& arguments, const Context& context);
int run_dead_purge(const Arguments& arguments, const Context& context);
int run_store_stat(const Arguments& arguments, const Context& context);
int run_store_verify(const Arguments& arguments, const Context& context);
int run_store_backup(const Arguments& arguments, const Context& context);
int run_shared_start(const Arguments& arguments, const Context& context);
int run_shared_stop(const Arguments& arguments, const Context& context);
int run_shared_query(const Arguments& arguments, const Context& context);
int run_shared_list(const Arguments& arguments, const Context& context);
int run_check_shared_worker(const Arguments& arguments, const Context& context);
int run_shared_switch(const Arguments& arguments, const Context& context);
int run_shared_disable(const Arguments& arguments, const Context& context);
int run_shared_enable(const Arguments& arguments, const Context& context);
int run_broker_command(const Arguments& arguments, const Context& context);
int run_run(const Arguments& arguments, const Context& context);
int run_debug(const Arguments& arguments, const Context& context);
int run_doctor(const Arguments& arguments, const Context& context);
int run_reload(const Arguments& arguments, const Context& context);
int run_top(const Arguments& arguments, const Context& context);
int run_worker_list(const Arguments& arguments, const Context& context);
int run_worker_status(const Arguments& arguments, const Context& context);
int run_worker_pause(const Arguments& arguments, const Context& context);
int run_worker_resume(const Arguments& arguments, const Context& context);
int run_worker_start(const Arguments& arguments, const Context& context);
int run_worker_stop(const Arguments& arguments, const Context& context);
int run_worker_restart(const Arguments& arguments, const Context& context);
int run_worker_scale(const Arguments& arguments, const Context& context);
int run_worker_send(const Arguments& arguments, const Context& context);
int run_schedule(const Arguments& arguments, const Context& context);
int run_schedule_next(const Arguments& arguments, const Context& context);
int run_consumer(const Arguments& arguments, const Context& context);
int run_keeper(const Arguments& arguments, const Context& context);
int run_config_check(const Arguments& arguments, const Context& context);
int run_config_show(const Arguments& arguments, const Context& context);
int run_config_docs(const Arguments& arguments, const Context& context);

/// Those that ask a supervisor which runs: part of the table.
std::vector<Command> control_commands();

/// What worker.list answers, for a person.
std::string worker_table(const boost::json::array& workers);

/// A flag for each key of the configuration's section, "sync_interval" being --sync-interval; and what was given.
std::vector<Flag> section_flags(std::string_view section);
std::vector<Override> section_overrides(std::string_view section, const Arguments& arguments);

}  // namespace coworker::app
