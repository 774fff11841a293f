#include "daemon/admin/event_feed.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/admin/status_json.h"

namespace remapd::admin {
namespace {

using Json = nlohmann::ordered_json;

// Milliseconds after which a browser connects again.
constexpr int kRetryMs = 2'000;

std::string on_one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

// One client's: counted as long as it lives.
struct EventFeed::Stream {
  explicit Stream(std::shared_ptr<EventFeed> of) : feed(std::move(of)) { ++feed->streams_; }
  ~Stream() { --feed->streams_; }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  std::shared_ptr<EventFeed> feed;
  std::uint64_t sequence = 0;  // of the last version told
  bool begun = false;
};

Response EventFeed::open(const Request& request) {
  if (streams_ >= most_streams_) {
    Response refusal = error_response(503, "too many clients follow events",
                                      "close some, or raise admin.max_streams");
    refusal.headers.emplace_back("Retry-After", "5");
    return refusal;
  }
  const auto stream = std::make_shared<Stream>(shared_from_this());
  const std::uint64_t newest = control_.versions().last_sequence();
  stream->sequence = newest;
  const std::string& last = request.last_event_id;
  std::uint64_t told = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), told);
  const bool known = error == std::errc{} && end == last.data() + last.size() && !last.empty();
  // A number from the future is that of a daemon before this one.
  if (known) stream->sequence = told <= newest ? told : 0;
  Response response;
  response.content_type = "text/event-stream";
  response.next_events = [stream] {
    std::string out;
    if (!stream->begun) out = fmt::format("retry: {}\n\n", kRetryMs);
    stream->begun = true;
    out += stream->feed->version_events(stream->sequence);
    return out + stream->feed->status_event();
  };
  return response;
}

const std::string& EventFeed::status_event() {
  if (auto status = control_.status(); status != shown_) {
    status_event_ = "event: status\ndata: " + on_one_line(to_json(*status)) + "\n\n";
    shown_ = std::move(status);
  }
  return status_event_;
}

std::string EventFeed::version_events(std::uint64_t& sequence) const {
  const application::VersionShelf& shelf = control_.versions();
  std::string out;
  for (const application::VersionRecord& record : shelf.records_since(sequence)) {
    const bool kept = (record.outcome == application::VersionOutcome::kPublished ||
                       record.outcome == application::VersionOutcome::kFound) &&
                      shelf.find(record.table, record.version) != nullptr;
    Json event{{"table", record.table}};
    event.update(to_json(record, kept));
    out += fmt::format("event: version\nid: {}\ndata: {}\n\n", record.sequence, on_one_line(event));
    sequence = record.sequence;
  }
  return out;
}

}  // namespace remapd::admin
