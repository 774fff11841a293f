#include "daemon/admin/session.h"

#include <algorithm>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/span_body.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "daemon/admin/guard.h"
#include "daemon/admin/request_reader.h"

namespace remapd::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using beast::error_code;

using PlainStream = beast::basic_stream<asio::generic::stream_protocol>;
using TlsStream = beast::ssl_stream<PlainStream>;
using Body = http::span_body<const char>;

constexpr std::uint32_t kMaxHeadBytes = 16 << 10;
// For connections there is no room for.
constexpr std::chrono::milliseconds kMoment{1'000};

// The answer to a request that Beast could not read; nothing if the peer just went away.
std::optional<Response> answer_to(const error_code& error) {
  if (error == http::error::header_limit) {
    return error_response(431, "the request's head is larger than 16 KiB");
  }
  if (error == http::error::body_limit) {
    return error_response(413, "the request's body is larger than admin.max_body_bytes");
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != error_code(http::error::bad_method).category()) {
    return std::nullopt;
  }
  return error_response(400, "not a well-formed HTTP request: " + error.message());
}

Response too_many_connections() {
  Response refusal =
      error_response(503, "too many connections", "close some, or raise admin.max_connections");
  refusal.headers.emplace_back("Retry-After", "1");
  return refusal;
}

// A response on its way out.
struct Outgoing {
  Response response;
  http::response<Body> message;
  http::response_serializer<Body> serializer{message};
};

void fill_in_head(const Response& response, http::response<Body>& message) {
  message.result(response.status);
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  message.set("X-Frame-Options", "DENY");
  message.set("Referrer-Policy", "no-referrer");
  message.set("Content-Security-Policy", "default-src 'none'");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  if (response.next_events == nullptr && response.status != 304) {
    message.content_length(response.content().size());
  }
}

template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <class... Args>
  Session(TlsContextPtr tls, const Handler& handler, const SessionLimits& limits,
          SessionCount& count, Room room, Socket socket, Args&... args)
      : tls_(std::move(tls)),
        stream_(std::move(socket), args...),
        timer_(stream_.get_executor()),
        handler_(handler),
        limits_(limits),
        count_(count),
        room_(room) {
    if (room_ != Room::kServe) limits_.timeout = std::min(limits_.timeout, kMoment);
    count_.add();
  }
  ~Session() { count_.remove(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start() {
    const auto begin = [self = this->shared_from_this()] {
      self->room_ == Room::kRefuse ? self->write(too_many_connections()) : self->read_head();
    };
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      expire_after(limits_.timeout);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [begin, self = this->shared_from_this()](const error_code& error) {
                                error ? self->close() : begin();
                              });
    } else {
      begin();
    }
  }

 private:
  void expire_after(std::chrono::milliseconds timeout) {
    beast::get_lowest_layer(stream_).expires_after(timeout);
  }

  void read_head() {
    parser_.emplace();
    parser_->header_limit(kMaxHeadBytes);
    parser_->body_limit(limits_.max_body_bytes);
    keep_alive_ = head_only_ = false;
    expire_after(limits_.timeout);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = this->shared_from_this()](const error_code& error, std::size_t) {
          error ? self->read_failed(error) : self->read_body();
        });
  }

  void read_body() {
    head_only_ = parser_->get().method() == http::verb::head;
    keep_alive_ = parser_->get().keep_alive();
    version_ = parser_->get().version();
    expire_after(limits_.timeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](const error_code& error, std::size_t) {
                       error ? self->read_failed(error) : self->answer();
                     });
  }

  void read_failed(const error_code& error) {
    keep_alive_ = false;
    if (auto response = answer_to(error)) return write(std::move(*response));
    close();
  }

  void answer() {
    beast::get_lowest_layer(stream_).expires_never();  // an endpoint has a bound of its own
    auto request = to_request(parser_->release());
    if (!request) return write(error_response(request.error()));
    if (room_ == Room::kProbesOnly) {
      keep_alive_ = false;
      if (!is_probe(*request)) return write(too_many_connections());
    }
    const std::uint64_t asked = ++asked_;
    timer_.expires_after(limits_.answer_timeout);
    timer_.async_wait([self = this->shared_from_this(), asked](const error_code& cancelled) {
      if (cancelled) return;
      self->answered(asked, error_response(504, "not done yet: the daemon is busy",
                                           "it may still be done; see /status"));
    });
    handler_(std::move(*request), [self = this->shared_from_this(), asked](Response response) {
      asio::dispatch(self->stream_.get_executor(),
                     [self, asked, response = std::move(response)]() mutable {
                       self->answered(asked, std::move(response));
                     });
    });
  }

  // The first answer counts.
  void answered(std::uint64_t asked, Response response) {
    if (asked != asked_ || asked == answered_) return;
    answered_ = asked;
    timer_.cancel();
    write(std::move(response));
  }

  void write(Response response) {
    const auto out = std::make_shared<Outgoing>();
    out->response = std::move(response);
    out->message.version(version_);
    fill_in_head(out->response, out->message);
    const bool endless = out->response.next_events != nullptr;
    if (endless) keep_alive_ = false;
    out->message.keep_alive(keep_alive_);
    if (head_only_ || endless) {
      out->serializer.split(true);
    } else {
      const std::string_view content = out->response.content();
      out->message.body() = {content.data(), content.size()};
    }
    write_on(out);
  }

  // However long it takes in all, as long as the client takes something every now and then.
  void write_on(const std::shared_ptr<Outgoing>& out) {
    expire_after(limits_.timeout);
    http::async_write_some(
        stream_, out->serializer,
        [self = this->shared_from_this(), out](const error_code& error, std::size_t) {
          if (error) return self->close();
          const bool only_head = out->serializer.split();
          if (!(only_head ? out->serializer.is_header_done() : out->serializer.is_done())) {
            return self->write_on(out);
          }
          if (out->response.next_events != nullptr && !self->head_only_) {
            return self->send_events(std::move(out->response.next_events));
          }
          self->keep_alive_ ? self->read_head() : self->finish();
        });
  }

  // What there is now, and then what there is after every interval: nothing is made for a client
  // that has not taken what was made before.
  void send_events(NextEvents next) {
    events_ = next();
    expire_after(limits_.timeout);
    asio::async_write(stream_, asio::buffer(events_),
                      [self = this->shared_from_this(), next = std::move(next)](
                          const error_code& error, std::size_t) mutable {
                        if (error) return self->close();
                        self->wait_for_events(std::move(next));
                      });
  }

  void wait_for_events(NextEvents next) {
    beast::get_lowest_layer(stream_).expires_never();
    timer_.expires_after(limits_.event_interval);
    timer_.async_wait(
        [self = this->shared_from_this(), next = std::move(next)](const error_code& error) mutable {
          if (!error) self->send_events(std::move(next));
        });
  }

  void finish() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      expire_after(std::chrono::seconds(1));
      stream_.async_shutdown(
          [self = this->shared_from_this()](const error_code&) { self->close(); });
    } else {
      close();
    }
  }

  void close() {
    error_code ignored;
    beast::get_lowest_layer(stream_).socket().shutdown(Socket::shutdown_both, ignored);
    beast::get_lowest_layer(stream_).close();
  }

  TlsContextPtr tls_;  // as long as the stream
  Stream stream_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  const Handler& handler_;
  SessionLimits limits_;
  SessionCount& count_;
  const Room room_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string events_;  // being written
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  bool head_only_ = false;  // a HEAD request
  bool keep_alive_ = false;
  unsigned version_ = 11;  // of HTTP
};

}  // namespace

void serve(Socket socket, const TlsContextPtr& tls, const Handler& handler,
           const SessionLimits& limits, SessionCount& count, Room room) {
  if (tls == nullptr) {
    std::make_shared<Session<PlainStream>>(tls, handler, limits, count, room, std::move(socket))
        ->start();
  } else {
    std::make_shared<Session<TlsStream>>(tls, handler, limits, count, room, std::move(socket), *tls)
        ->start();
  }
}

}  // namespace remapd::admin
