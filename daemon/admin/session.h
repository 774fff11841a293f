// One connection of the admin server, over TCP or a unix socket, with or without TLS. Lives as long
// as something is under way on it; all of it happens on the server's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>

#include "daemon/admin/router.h"

namespace remapd::admin {

using Socket = boost::asio::generic::stream_protocol::socket;
using TlsContextPtr = std::shared_ptr<boost::asio::ssl::context>;

struct SessionLimits {
  // For a TLS handshake, a head, a body, and for a client to take the next piece of a response.
  std::chrono::milliseconds timeout{10'000};
  std::uint64_t max_body_bytes = 64 << 10;
  // For an endpoint to answer: then 504.
  std::chrono::milliseconds answer_timeout{120'000};
  // Between two pieces of an endless response.
  std::chrono::milliseconds event_interval{1'000};
};

// What there is room for.
enum class Room : std::uint8_t {
  kServe,
  kProbesOnly,  // one request, soon; other than a probe it is refused
  kRefuse,
};

// Which connections there are; the server's.
class SessionCount {
 public:
  // Connections beyond the bound that are heard for a moment, so that probes still get through.
  static constexpr std::size_t kSpare = 32;

  explicit SessionCount(std::size_t most) : most_(most) {}
  Room room() const {
    if (now_ < most_) return Room::kServe;
    return now_ < most_ + kSpare ? Room::kProbesOnly : Room::kRefuse;
  }
  bool none() const { return now_ == 0; }
  void add() { ++now_; }
  void remove() { --now_; }

 private:
  std::size_t most_;
  std::size_t now_ = 0;
};

// What answers requests.
using Handler = std::function<void(Request, Respond)>;

// Serves the connection until it is closed. `handler` and `count` must outlive it. `tls` null: none
// is spoken.
void serve(Socket socket, const TlsContextPtr& tls, const Handler& handler,
           const SessionLimits& limits, SessionCount& count, Room room);

}  // namespace remapd::admin
