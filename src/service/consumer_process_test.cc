#include "service/consumer_process.h"

#include "service/loops_fixture.h"

namespace coworker::service {
namespace {

/// One place for a consumer, whose processes end at once.
class ConsumerPlace : public LoopsTest {
 protected:
  void SetUp() override {
    LoopsTest::SetUp();
    Config config;
    config.queues.emplace_back().name = "q";
    config.consumers.emplace_back().queues = {"q"};
    suspects_ = std::move(*Suspects::create());
    ConsumerProcess::Setting setting;
    setting.config = std::make_shared<const Config>(std::move(config));
    setting.environment = proc::own_environment();
    setting.suspects = suspects_.get();
    setting.keeper = [this] {
      ++tries_;
      return is_kept_ ? keeper_.get() : nullptr;
    };
    setting.next_owner = [this] { return ++owner_; };
    ConsumerProcess::Events events;
    events.on_end = [](const Remains::Ending&) {};
    events.on_over = [this] { is_over_ = true; };
    place_ = std::make_unique<ConsumerProcess>(loop_, std::move(setting), std::move(events));
  }

  void TearDown() override {
    place_->retire();
    for (std::uint32_t owner = 1; owner <= owner_; ++owner) place_->on_gone(owner);
    EXPECT_TRUE(until([this] { return is_over_; }));
    place_.reset();
    LoopsTest::TearDown();
  }

  std::unique_ptr<Suspects> suspects_;
  std::unique_ptr<ConsumerProcess> place_;
  bool is_kept_ = true;
  bool is_over_ = false;
  int tries_ = 0;
  std::uint32_t owner_ = 0;
};

TEST_F(ConsumerPlace, AStartThatIsNotPossibleIsTriedEverLater) {
  place_->start();
  is_kept_ = false;
  EXPECT_TRUE(until([this] { return place_->status().pause >= Millis{400} || tries_ > 20; }));
  EXPECT_LT(tries_, 10);
  is_kept_ = true;
  EXPECT_TRUE(until([this] { return place_->status().starts > 1; }));
}

}  // namespace
}  // namespace coworker::service
