#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <thread>

#include "channel/testing.h"
#include "fixture.h"
#include "worker/running.h"
#include "worker/shared_socket.h"

namespace channel_workers {
namespace {

using coworker::Answer;
using coworker::SharedWorker;
using coworker::Status;
using coworker::Trouble;
using coworker::WorkerFactory;
using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Shared, Case10_StartedOnConnectOrAnErrorAtOnce) {
  Shared shared;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(shared.connect("").trouble(), Trouble::unreachable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_FALSE(std::filesystem::exists(shared.path()));
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  EXPECT_EQ(*worker->call("[1]", kPatience), "[1]");
  ASSERT_TRUE(worker->send("7"));
  EXPECT_EQ(*worker->receive(kPatience), "7");
  EXPECT_EQ(*worker->call("\"peer\"", kPatience), std::to_string(::getpid()));
  struct stat status{};
  ASSERT_EQ(::stat(shared.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  // It is nobody's child that would have to wait for it.
  EXPECT_NE(*worker->pid(), ::getpid());
}

TEST(Shared, Case11_SixMastersStartOneProcess) {
  Shared shared;
  std::vector<std::thread> masters;
  std::vector<long> pids(6);
  for (std::size_t i = 0; i < pids.size(); ++i) {
    masters.emplace_back([&, i] {
      Answer<SharedWorker> worker = shared.connect();
      EXPECT_TRUE(worker) << worker.message();
      if (!worker) return;
      EXPECT_EQ(*worker->call(std::to_string(i), kPatience), std::to_string(i));
      pids[i] = *worker->pid();
    });
  }
  for (std::thread& each : masters) each.join();
  EXPECT_THAT(pids, testing::Each(pids[0]));
  int listed = 0;
  for (const auto& each : coworker::worker::running_workers()) listed += each.address == shared.address();
  EXPECT_EQ(listed, 1);
  // Each start would have said something.
  EXPECT_EQ(content_of(shared.folder / "output"), "");
}

TEST(Shared, Case12_NothingIsStartedForAnotherMachine) {
  coworker::Profile profile;
  profile.connect_limit = 300ms;
  const WorkerFactory factory{profile};
  // TEST-NET-1 of RFC 5737.
  const Answer<SharedWorker> worker = factory.connect("tcp:192.0.2.1:4711", "counting");
  EXPECT_FALSE(worker);
  EXPECT_EQ(factory.start_shared("tcp:192.0.2.1:4711", "counting").trouble(), Trouble::invalid);
  EXPECT_THAT(factory.start_shared("tcp:192.0.2.1:4711", "counting").message(), HasSubstr("not on this machine"));
}

TEST(Shared, Case12_LocalByResolutionAndNotByItsText) {
  const auto here = [](const char* text) {
    return coworker::worker::is_here(*coworker::worker::parse_shared_address(text));
  };
  const auto exposed = [](const char* text) {
    return coworker::worker::is_exposed(*coworker::worker::parse_shared_address(text));
  };
  EXPECT_TRUE(here("tcp:localhost:1"));
  EXPECT_TRUE(here("tcp:127.0.0.10:1"));
  EXPECT_TRUE(here("tcp:[::1]:1"));
  EXPECT_TRUE(here("tcp:0.0.0.0:1"));
  EXPECT_FALSE(here("tcp:10.0.0.0:1"));
  EXPECT_FALSE(here("tcp:192.0.2.1:1"));
  EXPECT_FALSE(exposed("tcp:localhost:1"));
  EXPECT_TRUE(exposed("tcp:0.0.0.0:1"));
}

TEST(Shared, Case12_TcpOnLoopbackIsStarted) {
  Shared shared;
  const std::string address = "tcp:localhost:" + std::to_string(coworker::channel::free_port());
  Answer<SharedWorker> worker = shared.factory().connect(address, "counting");
  ASSERT_TRUE(worker) << worker.message();
  EXPECT_EQ(*worker->call("3", kPatience), "3");
  EXPECT_TRUE(*worker->stop(kPatience));
  EXPECT_TRUE(worker->wait_for_end(kPatience));
}

TEST(Shared, BeyondThisMachineOnlyIfThatIsWanted) {
  Shared shared;
  EXPECT_THAT(shared.factory().start_shared("tcp:0.0.0.0:45999", "counting").message(), HasSubstr("insecure"));
}

TEST(Shared, Case13_TheSocketOfAKilledWorkerIsReplaced) {
  Shared shared;
  Answer<SharedWorker> first = shared.connect();
  ASSERT_TRUE(first) << first.message();
  const long pid = *first->pid();
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
  ASSERT_TRUE(has_ended(pid));
  ASSERT_TRUE(std::filesystem::exists(shared.path()));
  Answer<SharedWorker> second = shared.connect();
  ASSERT_TRUE(second) << second.message();
  EXPECT_NE(*second->pid(), pid);
  EXPECT_EQ(*second->call("1", kPatience), "1");
}

TEST(Shared, Case13_ARegularFileIsLeftIntact) {
  Shared shared;
  std::ofstream{shared.path()} << "precious";
  const Answer<SharedWorker> worker = shared.connect();
  EXPECT_THAT(worker.message(), HasSubstr("is no socket; it is left as it is"));
  EXPECT_EQ(content_of(shared.path()), "precious");
}

TEST(Shared, Case13_ALiveWorkerThatIsSlowIsNeverReplaced) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  const long pid = *worker->pid();
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGSTOP), 0);
  struct stat before{};
  ASSERT_EQ(::stat(shared.path().c_str(), &before), 0);
  // Fill its queue, then try to take its place.
  std::vector<int> waiting;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  shared.path().copy(address.sun_path, sizeof address.sun_path - 1);
  for (;;) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) break;
    waiting.push_back(fd);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) break;
  }
  EXPECT_EQ(errno, EAGAIN);
  shared.profile.connect_limit = 200ms;
  EXPECT_EQ(shared.connect().trouble(), Trouble::timed_out);
  // Nor is a process started, which would wait for its chance.
  EXPECT_EQ(shared.factory().start_shared(shared.address(), "counting").trouble(), Trouble::timed_out);
  EXPECT_EQ(content_of(shared.folder / "output"), "");
  EXPECT_FALSE(coworker::worker::listen_on(*coworker::worker::parse_shared_address(shared.address()), false, {}));
  struct stat after{};
  ASSERT_EQ(::stat(shared.path().c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  for (const int fd : waiting) ::close(fd);
  shared.profile.connect_limit = kPatience;
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGCONT), 0);
  EXPECT_EQ(*worker->call("1", kPatience), "1");
}

TEST(Shared, Case18_TheKillSwitchHoldsBackOnlyStarts) {
  Shared a;
  Shared b;
  a.profile.kill_switch = b.profile.kill_switch = a.folder / "switch";
  ASSERT_TRUE(a.factory().disable_shared({a.address(), "unix://" + a.path()}));
  const auto begin = std::chrono::steady_clock::now();
  const Answer<SharedWorker> held = a.connect();
  EXPECT_EQ(held.trouble(), Trouble::disabled) << held.message();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_FALSE(std::filesystem::exists(a.path()));
  Answer<SharedWorker> other = b.connect();
  ASSERT_TRUE(other) << other.message();
  ASSERT_TRUE(a.factory().disable_all_shared());
  EXPECT_EQ(*other->call("1", kPatience), "1");
  EXPECT_TRUE(b.connect());
  ASSERT_TRUE(a.factory().enable_shared({a.address()}));
  EXPECT_EQ(a.factory().start_shared(a.address(), "counting").trouble(), Trouble::disabled);
  EXPECT_TRUE(*a.factory().is_shared_disabled(a.address()));
  EXPECT_TRUE(*a.factory().are_all_shared_disabled());
  ASSERT_TRUE(a.factory().enable_all_shared());
  EXPECT_TRUE(a.connect());
}

TEST(Shared, Case19_AddressesAreOneChangeAndACorruptSwitchIsAnError) {
  Shared shared;
  shared.profile.kill_switch = shared.folder / "switch";
  std::ofstream{shared.profile.kill_switch} << R"({"theirs": [1, 2], "global": false})";
  ASSERT_TRUE(shared.factory().disable_shared({"unix:/a", "unix:/b", "unix:/a"}));
  EXPECT_THAT(*shared.factory().disabled_shared(), testing::ElementsAre("unix:/a", "unix:/b"));
  EXPECT_THAT(content_of(shared.profile.kill_switch), HasSubstr(R"("theirs": [1, 2])"));
  ASSERT_TRUE(shared.factory().enable_everything());
  EXPECT_TRUE(shared.factory().disabled_shared()->empty());
  std::ofstream{shared.profile.kill_switch} << R"({"global": tru)";
  EXPECT_EQ(shared.factory().is_shared_disabled("unix:/a").trouble(), Trouble::garbage);
  const Answer<SharedWorker> held = shared.connect();
  EXPECT_THAT(held.message(), HasSubstr("is damaged"));
  EXPECT_EQ(content_of(shared.profile.kill_switch), R"({"global": tru)");
}

TEST(Shared, Case8_FiveMessagesInOneWriteAreAllAnswered) {
  Shared shared;
  ASSERT_TRUE(shared.connect());
  Bytes master{shared.path()};
  master.say("1 2 {\"a\":3}\n\"four\"[5]");
  for (const char* each : {"1", "2", "{\"a\":3}", "\"four\"", "[5]"}) EXPECT_EQ(master.hear(), each);
}

TEST(Shared, Case16_QueryWithTheRightAWrongAndNoCookie) {
  Shared shared;
  Answer<SharedWorker> right = shared.connect();
  ASSERT_TRUE(right) << right.message();
  shared.profile.admin_cookie = "wrong";
  Answer<SharedWorker> wrong = shared.connect();
  shared.profile.admin_cookie = "";
  Answer<SharedWorker> none = shared.connect();
  ASSERT_TRUE(wrong && none);
  EXPECT_EQ(*right->call("1", kPatience), "1");
  for (auto* each : {&*right, &*wrong, &*none}) {
    const Answer<Status> status = each->query(kPatience);
    ASSERT_TRUE(status) << status.message();
    EXPECT_EQ(status->text, "served 1");
    ASSERT_EQ(status->counters.size(), 2u);
    EXPECT_EQ(status->counters[0].name, "served");
    EXPECT_EQ(status->counters[0].value, 1);
    EXPECT_EQ(status->counters[0].unit, "c");
    EXPECT_EQ(status->counters[0].max, 100);
  }
  EXPECT_EQ(shared.calls(), "query true\nquery false\nquery false\n");
  // A master of the original, which announces nothing.
  Bytes original{shared.path()};
  original.say("{\"_query_\":null}\n");
  EXPECT_THAT(original.hear(), testing::StartsWith("{\"_status_\":{\"textStatus\":\"served 1\",\"counters\":[{"));
}

TEST(Shared, Case17_MessagesAheadOfTheStatusAreReceivedLater) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  ASSERT_TRUE(worker->send("1"));
  ASSERT_TRUE(worker->send("2"));
  EXPECT_EQ(worker->query(kPatience)->text, "served 2");
  EXPECT_EQ(worker->waiting(), 2u);
  EXPECT_EQ(*worker->receive(kPatience), "1");
  EXPECT_EQ(*worker->receive(kPatience), "2");
}

TEST(Shared, ALateStatusIsNotTakenForTheNextOne) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  const long pid = *worker->pid();
  EXPECT_EQ(*worker->call("1", kPatience), "1");
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGSTOP), 0);
  EXPECT_EQ(worker->query(20ms).trouble(), Trouble::timed_out);
  ASSERT_EQ(::kill(static_cast<pid_t>(pid), SIGCONT), 0);
  EXPECT_EQ(*worker->call("2", kPatience), "2");
  EXPECT_EQ(worker->query(kPatience)->text, "served 2");
}

TEST(Shared, Case21_HalfAMessageKeepsNobodyWaiting) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  Bytes half{shared.path()};
  half.say("{\"half\":");
  EXPECT_EQ(*worker->call("1", kPatience), "1");
  half.say("1}\n");
  EXPECT_EQ(half.hear(), "{\"half\":1}");
}

TEST(Shared, Case22_GarbageClosesOnlyItsOwnConnectionWithAFault) {
  Shared shared;
  shared.profile.longest_message = 1'000;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  struct Sent {
    std::string bytes;
    const char* code;
  };
  for (const Sent& each :
       {Sent{"hello\n", "garbage"}, Sent{"[1,]", "garbage"}, Sent{"\"\xff\"", "garbage"},
        Sent{"\"" + std::string(2'000, 'x'), "too_large"}, Sent{std::string(600, '['), "too_large"}}) {
    Bytes client{shared.path()};
    client.say(each.bytes);
    EXPECT_THAT(client.hear(), testing::StartsWith("{\"_fault_\":{\"id\":null,\"code\":\"" + std::string{each.code}));
    EXPECT_EQ(client.hear(), "");
    EXPECT_EQ(*worker->call("1", kPatience), "1");
  }
}

TEST(Shared, Case23_AThrowingHandlerHarmsNobodyElse) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  Answer<SharedWorker> other = shared.connect();
  ASSERT_TRUE(worker && other) << worker.message();
  const Answer<std::string> thrown = worker->call("\"throw\"", kPatience);
  EXPECT_EQ(thrown.trouble(), Trouble::fault);
  EXPECT_EQ(thrown.code(), "exception");
  EXPECT_THAT(thrown.message(), HasSubstr("no mood for this"));
  EXPECT_EQ(*worker->call("1", kPatience), "1");
  EXPECT_EQ(*other->call("2", kPatience), "2");
  // To a master that knows no faults it is said as the last thing.
  Bytes original{shared.path()};
  original.say("\"throw\"\n");
  EXPECT_THAT(original.hear(), HasSubstr("no mood for this"));
  EXPECT_EQ(original.hear(), "");
  EXPECT_EQ(*other->call("3", kPatience), "3");
}

TEST(Shared, AMasterThatDoesNotReadKeepsNobodyWaiting) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  Answer<SharedWorker> lazy = shared.connect();
  ASSERT_TRUE(worker && lazy) << worker.message();
  const std::string body = "\"" + std::string(100'000, 'x') + "\"";
  int sent = 0;
  while (sent < 200 && lazy->start_call(body, 100ms)) ++sent;
  EXPECT_EQ(*worker->call("1", kPatience), "1");
  for (int id = 1; id <= sent; ++id) {
    EXPECT_EQ(*lazy->finish_call(static_cast<std::uint64_t>(id), kPatience), body);
  }
}

TEST(Shared, StartsThatCannotBeAreToldAtOnce) {
  Shared shared;
  EXPECT_THAT(shared.connect("lost").message(), HasSubstr("no channel worker 'lost'"));
  EXPECT_THAT(shared.connect("square").message(), HasSubstr("one master only"));
  EXPECT_THAT(shared.factory().connect_program(shared.address(), {"/nowhere/program"}).message(),
              HasSubstr("No such file"));
  EXPECT_EQ(shared.factory().connect("unix:", "counting").trouble(), Trouble::invalid);
  EXPECT_EQ(shared.factory().connect("tcp:localhost", "counting").trouble(), Trouble::invalid);
}

TEST(Shared, AStatusThatCannotBeToldIsAFaultOfItsOwnQuery) {
  Shared shared;
  Answer<SharedWorker> worker = shared.connect();
  ASSERT_TRUE(worker) << worker.message();
  ASSERT_TRUE(worker->call("\"no status\"", kPatience));
  const Answer<Status> status = worker->query(kPatience);
  EXPECT_EQ(status.trouble(), Trouble::fault);
  EXPECT_THAT(status.message(), HasSubstr("no idea how I am"));
  EXPECT_EQ(*worker->query(kPatience)->text, "served 1");
  EXPECT_EQ(worker->receive(0ms).trouble(), Trouble::timed_out) << "it was nobody else's";
}

TEST(Shared, AListOfAllUsersFollowsNobodysLinks) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root looks into the folders of others";
  const Folder folder;
  std::filesystem::create_directories(folder / "victim");
  std::ofstream{folder / "victim/1.json"} << "{}";
  // As somebody else might make it, of a user id that nobody has.
  const std::string trap = "/tmp/coworker-4000000001";
  std::filesystem::remove_all(trap);
  std::filesystem::create_directory(trap);
  ASSERT_EQ(::chown(trap.c_str(), 4'000'000'001u, 0), 0);
  std::filesystem::create_directory_symlink(folder / "victim", trap + "/shared");
  coworker::worker::running_workers();
  EXPECT_TRUE(std::filesystem::exists(folder / "victim/1.json"));
  std::filesystem::remove(trap + "/shared");
  // A folder of root's in another's place, and files that are none of ours.
  std::filesystem::create_directory(trap + "/shared");
  std::ofstream{trap + "/shared/1.json"} << "{}";
  coworker::worker::running_workers();
  EXPECT_TRUE(std::filesystem::exists(trap + "/shared/1.json"));
  ASSERT_EQ(::chown((trap + "/shared").c_str(), 4'000'000'001u, 0), 0);
  std::ofstream{trap + "/shared/notes.json"} << "{}";
  coworker::worker::running_workers();
  EXPECT_FALSE(std::filesystem::exists(trap + "/shared/1.json")) << "nobody holds it";
  EXPECT_TRUE(std::filesystem::exists(trap + "/shared/notes.json"));
  std::filesystem::remove_all(trap);
}

}  // namespace
}  // namespace channel_workers
