#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/loop.h"
#include "proc/certificate.h"
#include "service/hand_over.h"
#include "service/start_page.h"

namespace coworker::service {

/// What a dead consumer leaves: its page, and perhaps processes. They are over when every group it had is confirmed
/// dead, by the keeper or, without one, by ourselves; only then is told what it held, so that no job runs twice.
///
/// Held by its consumer's place and its own waits; lives on the supervisor's loop.
class Remains : public std::enable_shared_from_this<Remains> {
 public:
  struct Ending {
    std::shared_ptr<const Config> config;  // the consumer's
    std::string text;                      // the certificate in one line
    std::optional<proc::Certificate> certificate{};
    bool ours = false;
    std::vector<HeldJob> held;
    std::uint64_t owner = 0;            // of its claims
    std::shared_ptr<HandOver> heirs{};  // null: nobody is to be asked
  };
  using Done = std::function<void(Ending)>;

  Remains(async::Loop& loop, std::uint32_t owner, std::unique_ptr<StartPage> page);

  std::uint32_t owner() const noexcept { return owner_; }
  // What the page says.
  bool stopping_page() const { return page_->stopping(); }
  void set_draining() { page_->set_draining(); }
  bool listening() const { return page_->listening(); }
  bool ready() const { return page_->ready(); }
  std::size_t running() const { return page_->started(); }
  std::uint64_t ended() const { return page_->ended(); }
  std::uint32_t beats() const { return page_->beats(); }

  /// The process is dead. `done` is called once, from here or later.
  void bury(Ending ending, Done done);

  void on_gone();
  void on_keeper_lost();

  /// What the dead consumer held and nobody has been told of yet: its leases must not end before its processes do.
  std::vector<job::JobRef> unsettled() const;

 private:
  void go_on();
  void confirm_without_keeper();
  void confirm_strays();
  void after(Millis delay, void (Remains::*then)());

  std::uint32_t owner_;
  std::unique_ptr<StartPage> page_;
  boost::asio::steady_timer timer_;
  bool dead_ = false;
  bool gone_ = false;         // the keeper has confirmed
  bool keeper_lost_ = false;  // and never will
  bool going_ = false;
  Ending ending_;
  Done done_;
};

}  // namespace coworker::service
