#pragma once

#include "net/resp/command.h"

/// What each row of the command table runs, by the file it stands in.
namespace coworker::net::resp {

// commands_jobs.cc
void run_addjob(Call& call);
void run_getjob(Call& call);
void run_ackjob(Call& call);  // FASTACK too: on one node they are the same
void run_deljob(Call& call);
void run_working(Call& call);
void run_nack(Call& call);
void run_enqueue(Call& call);
void run_dequeue(Call& call);
void run_show(Call& call);
void run_loadjob(Call& call);

// commands_queues.cc
void run_qlen(Call& call);
void run_qpeek(Call& call);
void run_qstat(Call& call);
void run_pause(Call& call);

// commands_scan.cc
void run_qscan(Call& call);
void run_jscan(Call& call);

// commands_cluster.cc
void run_hello(Call& call);
void run_cluster(Call& call);

// commands_server.cc
void run_auth(Call& call);
void run_ping(Call& call);
void run_time(Call& call);
void run_command(Call& call);
void run_monitor(Call& call);
void run_bgrewriteaof(Call& call);
void run_shutdown(Call& call);
void run_debug(Call& call);

// commands_watch.cc
void run_slowlog(Call& call);
void run_latency(Call& call);

// commands_config.cc, commands_client.cc, commands_info.cc
void run_config(Call& call);
void run_client(Call& call);
void run_info(Call& call);

// commands_cw_jobs.cc
void run_cw_hello(Call& call);
void run_cw_add(Call& call);
void run_cw_claim(Call& call);
void run_cw_claimfor(Call& call);
void run_cw_disown(Call& call);
void run_cw_revive(Call& call);
void run_cw_move(Call& call);
void run_cw_forget(Call& call);
void run_cw_cancel(Call& call);
void run_cw_ack(Call& call);
void run_cw_release(Call& call);
void run_cw_extend(Call& call);
void run_cw_retry(Call& call);
void run_cw_bury(Call& call);
void run_cw_nack(Call& call);
void run_cw_held(Call& call);

// commands_cw_history.cc
void run_cw_record(Call& call);
void run_cw_history(Call& call);

// commands_cw_queues.cc
void run_cw_queue(Call& call);
void run_cw_queues(Call& call);
void run_cw_jobs(Call& call);
void run_cw_show(Call& call);
void run_cw_peek(Call& call);
void run_cw_purge(Call& call);
void run_cw_stat(Call& call);

/// Ends every blocked claim: with no jobs, or with LEAVING.
void unblock_all(Node& node, bool leaving);

}  // namespace coworker::net::resp
