// EventFeed: what /v1/events sends: the status, and every version that was built, as server-sent
// events. One feed serves all streams, whose number it bounds; the text of a status is made once
// for all of them.
//
// For the server's thread alone.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/admin/http.h"
#include "daemon/application/control.h"

namespace remapd::admin {

class EventFeed : public std::enable_shared_from_this<EventFeed> {
 public:
  // `control` must outlive the feed.
  EventFeed(const application::Control& control, std::size_t most_streams)
      : control_(control), most_streams_(most_streams) {}

  // A stream of events; 503 if there are too many. Last-Event-ID is the last version event the
  // client has had; without it those to come are sent.
  Response open(const Request& request);

  std::size_t streams() const { return streams_; }

 private:
  struct Stream;
  const std::string& status_event();
  std::string version_events(std::uint64_t& sequence) const;

  const application::Control& control_;
  const std::size_t most_streams_;
  std::size_t streams_ = 0;
  std::shared_ptr<const application::Status> shown_;
  std::string status_event_;  // of shown_
};

}  // namespace remapd::admin
