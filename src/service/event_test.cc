#include "service/event.h"

#include <gtest/gtest.h>

#include "job/json_text.h"

namespace coworker::service {
namespace {

TEST(Event, IsOneLineThatSaysOnlyWhatIsKnown) {
  Event event;
  event.kind = EventKind::started;
  event.time = 1'700'000'000'123;
  event.queue = "mail";
  const std::string id = job::to_string(event.job);
  event.original = id;
  EXPECT_EQ(to_json(event), R"({"event":"started","time":1700000000123,"job":")" + id + R"(","queue":"mail"})");
}

TEST(Event, ACertificateIsToldInFull) {
  Event event;
  event.kind = EventKind::failed;
  event.original = "D-first";
  event.attempt = 2;
  event.worker = "command";
  event.pid = 7;
  event.reason = "too late";
  event.retry_in = Millis{4000};
  proc::Certificate& certificate = event.certificate.emplace();
  certificate.exit.by_signal = true;
  certificate.exit.code = 9;
  certificate.killed = proc::Killed::process_timeout;
  certificate.limit = Millis{10};
  certificate.wall = Millis{11};
  certificate.usage.user = Millis{5};
  certificate.usage.system = Millis{3};
  certificate.usage.peak_memory = 1024;
  certificate.memory_limit = 2048;
  certificate.error_output = "one\ntwo\xff";
  const std::string line = to_json(event);
  EXPECT_TRUE(job::check_json(line)) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos);
  for (const char* part : {R"("original":"D-first")", R"("attempt":2)", R"("worker":"command")", R"("pid":7)",
                           R"("reason":"too late")", R"("retry_in_ms":4000)", R"("signal":"SIGKILL")",
                           R"("ended_for":"process timeout")", R"("limit_ms":10)", R"("wall_ms":11)", R"("cpu_ms":8)",
                           R"("peak_memory":1024)", R"("memory_limit":2048)", R"("stderr":"one\ntwo)"}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " is not in " << line;
  }
}

TEST(Event, ProgressAndBodyAreJsonToo) {
  Event event;
  event.kind = EventKind::progress;
  event.progress = 0.25;
  event.text = "a \"quoted\" word";
  event.body = R"({"a": 1})";
  const std::string line = to_json(event);
  EXPECT_TRUE(job::check_json(line)) << line;
  EXPECT_NE(line.find(R"("progress":0.25)"), std::string::npos);
  EXPECT_NE(line.find(R"("body":{"a": 1})"), std::string::npos);
}

}  // namespace
}  // namespace coworker::service
