#include "worker/object_rounds.h"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/log.h"
#include "worker/outlet.h"

namespace coworker::worker {

ObjectRounds::ObjectRounds(async::Loop& loop, LoopEntry entry, const LoopSpec& spec, LoopPage& page)
    : loop_{loop}, entry_{std::move(entry)} {
  place_.name = spec.name;
  place_.id = spec.id;
  place_.stop = stop_.get_token();
  place_.beat = [&page] { page.beat(); };
  thread_ = std::thread{[this] { work(); }};
}

ObjectRounds::~ObjectRounds() {
  {
    const std::lock_guard lock{mutex_};
    closed_ = true;
  }
  filled_.notify_one();
  thread_.join();
}

void ObjectRounds::work() {
  for (;;) {
    std::unique_lock lock{mutex_};
    filled_.wait(lock, [this] { return closed_ || !calls_.empty(); });
    if (calls_.empty()) break;
    const std::function<void()> call = std::move(calls_.front());
    calls_.pop_front();
    lock.unlock();
    call();
  }
  object_.reset();
}

void ObjectRounds::submit(std::function<void()> call, Done done) {
  // The loop must not run dry while only the thread works for it.
  auto guard = std::make_shared<boost::asio::executor_work_guard<async::Loop::executor_type>>(loop_.get_executor());
  const std::lock_guard lock{mutex_};
  calls_.push_back([call = std::move(call), done = std::move(done), guard] {
    Result<> result;
    try {
      call();
    } catch (...) {
      result = fail(Errc::internal, exception_text());
    }
    boost::asio::post(guard->get_executor(), [done, result] { done(result); });
    guard->reset();
  });
  filled_.notify_one();
}

void ObjectRounds::call_listener(const std::string& word) {
  if (const LoopWorker::Handler* handler = object_->handler(word)) (*handler)("null");
  if (entry_.listen) entry_.listen(word, *object_);
}

void ObjectRounds::spinup(Done done) {
  submit(
      [this] {
        object_ = entry_.make();
        object_->take_place(place_);
        object_->spinup();
      },
      std::move(done));
}

void ObjectRounds::round(std::uint64_t, Done done) {
  submit(
      [this] {
        call_listener("loopstart");
        object_->loop();
        call_listener("loopstop");
      },
      std::move(done));
}

void ObjectRounds::spindown(Done done) {
  submit(
      [this] {
        call_listener("stop");
        object_->spindown();
      },
      std::move(done));
}

void ObjectRounds::tell(std::string word, Done done) {
  submit([this, word = std::move(word)] { call_listener(word); }, std::move(done));
}

void ObjectRounds::command(std::string word, boost::json::value arguments, Reply reply) {
  // Made on the thread, read on the loop, one after the other.
  auto said = std::make_shared<Result<boost::json::value>>();
  submit([this, said, word = std::move(word), text = boost::json::serialize(arguments)] { *said = answer(word, text); },
         [said, reply = std::move(reply)](Result<> result) {
           if (!result) *said = tl::unexpected{std::move(result).error()};
           reply(std::move(*said));
         });
}

Result<boost::json::value> ObjectRounds::answer(const std::string& word, const std::string& arguments) {
  const LoopWorker::Handler* handler = object_->handler(word);
  const std::string text = handler == nullptr ? "" : (*handler)(arguments);
  const bool heard = entry_.listen && entry_.listen(word, *object_);
  if (handler == nullptr && !heard) {
    return fail(Errc::not_found, fmt::format("loop worker '{}' knows no command '{}'", place_.name, word));
  }
  if (text.empty()) return boost::json::value{};
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error) {
    return fail(Errc::internal, fmt::format("the reply of '{}' to '{}' is no JSON", place_.name, word));
  }
  return value;
}

}  // namespace coworker::worker
