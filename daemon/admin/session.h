// One connection of the admin server. Lives as long as something is under way on it; all of it
// happens on the server's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "daemon/admin/router.h"

namespace remapd::admin {

struct SessionLimits {
  std::chrono::milliseconds timeout{10'000};  // for a head, for a body, and for a response
  std::uint64_t max_body_bytes = 64 << 10;
};

// Which connections there are; the server's.
class SessionCount {
 public:
  explicit SessionCount(std::size_t most) : most_(most) {}
  bool full() const { return now_ >= most_; }
  bool none() const { return now_ == 0; }
  void add() { ++now_; }
  void remove() { --now_; }

 private:
  std::size_t most_;
  std::size_t now_ = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  // `router` and `count` must outlive it.
  Session(boost::asio::ip::tcp::socket socket, const Router& router, const SessionLimits& limits,
          SessionCount& count);
  ~Session();

  void start();
  // For a connection there is no room for.
  void refuse();

 private:
  void read_head();
  void read_body();
  void answer();
  void write(Response response);
  void close();

  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  const Router& router_;
  SessionLimits limits_;
  SessionCount& count_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  bool head_only_ = false;  // a HEAD request
  bool keep_alive_ = false;
  unsigned version_ = 11;  // of HTTP
};

}  // namespace remapd::admin
