#include "daemon/admin/event_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/daemon/admin/fake_control.h"

namespace remapd::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

class EventFeedTest : public testing::Test {
 protected:
  EventFeedTest() { control_.current = example_status(); }
  void built(std::uint64_t version) {
    application::VersionRecord record;
    record.table = "item";
    record.version = Version{version};
    control_.shelf.add(record, nullptr);
  }
  Response open(const std::string& last_event_id = "") {
    Request request;
    request.last_event_id = last_event_id;
    return feed_->open(request);
  }

  FakeControl control_;
  std::shared_ptr<EventFeed> feed_ = std::make_shared<EventFeed>(control_, 2);
};

TEST_F(EventFeedTest, BeginsWithTheStatusAndGoesOnWithIt) {
  const Response response = open();
  EXPECT_EQ(response.content_type, "text/event-stream");
  ASSERT_TRUE(response.next_events);
  const std::string first = response.next_events();
  EXPECT_THAT(first, testing::StartsWith("retry: 2000\n\nevent: status\ndata: {"));
  EXPECT_TRUE(first.ends_with("}\n\n"));
  const std::string json = first.substr(first.find('{'));
  EXPECT_EQ(json.find('\n'), json.size() - 2);  // on one line
  EXPECT_EQ(nlohmann::json::parse(json)["phase"], "running");
  control_.current.samples = 9'999;
  const std::string second = response.next_events();
  EXPECT_THAT(second, testing::StartsWith("event: status\n"));
  EXPECT_THAT(second, HasSubstr("9999"));
}

TEST_F(EventFeedTest, TellsOfEveryVersionOnce) {
  built(1);
  const Response response = open();
  EXPECT_THAT(response.next_events(), Not(HasSubstr("event: version")));  // before it came
  built(2);
  built(3);
  const std::string events = response.next_events();
  EXPECT_THAT(events, HasSubstr("event: version\nid: 2\ndata: {\"table\":\"item\",\"version\":2,"));
  EXPECT_THAT(events, HasSubstr("event: version\nid: 3\n"));
  EXPECT_THAT(response.next_events(), Not(HasSubstr("event: version")));
}

TEST_F(EventFeedTest, TellsThoseWhoComeBackWhatTheyMissed) {
  built(1);
  built(2);
  EXPECT_THAT(open("1").next_events(), HasSubstr("id: 2\n"));
  EXPECT_THAT(open("1").next_events(), Not(HasSubstr("id: 1\n")));
  EXPECT_THAT(open("99").next_events(), HasSubstr("id: 1\n"));  // of an earlier daemon
  EXPECT_THAT(open("rubbish").next_events(), Not(HasSubstr("event: version")));
}

TEST_F(EventFeedTest, BoundsItsStreams) {
  auto first = open();
  const auto second = open();
  const Response third = open();
  EXPECT_EQ(third.status, 503U);
  EXPECT_THAT(third.body, HasSubstr("admin.max_streams"));
  first = {};
  EXPECT_EQ(feed_->streams(), 1U);
  EXPECT_EQ(open().status, 200U);
}

}  // namespace
}  // namespace remapd::admin
