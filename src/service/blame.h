#pragma once

#include <string>
#include <vector>

#include "service/config.h"
#include "service/decision.h"
#include "service/start_page.h"

/// Who is to blame for the death of a consumer, and what becomes of the jobs it held. Pure.
namespace coworker::service {

struct Death {
  std::string text;      // its certificate, in one line
  bool ours = false;     // we killed it, or it was stopping in good order
  std::int64_t now = 0;  // Unix seconds
  double roll = 0.5;
};

struct Verdict {
  Attempt attempt;
  Decision decision;
  bool suspect = false;  // may be to blame: runs alone next
  bool ran = false;      // when its consumer died
};

///   on the page                what happened                                verdict
///   claimed                                                                 release
///   done                                                                    ack
///   failed                                                                  as failed
///   lost                       somebody else holds it                       none
///   started, ours                                                           as stopped
///   started, overdue                                                        as failed
///   started inline, faulted    its thread got the fatal signal              as crashed
///   started inline, alone      no other inline job ran, no thread is known  as crashed
///   started inline, others     nobody knows which it was                    retry at once, suspect
///   started, processes         we killed them with their consumer           retry at once
std::vector<Verdict> judge(const std::vector<HeldJob>& held, const Config& config, const Death& death);

}  // namespace coworker::service
