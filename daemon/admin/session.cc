#include "daemon/admin/session.h"

#include <string>
#include <utility>

#include <boost/asio/dispatch.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace remapd::admin {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::uint32_t kMaxHeadBytes = 16 << 10;

Method method_of(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    default:
      return Method::kOther;
  }
}

// The answer to a request that Beast could not read; nothing if the peer just went away.
std::optional<Response> answer_to(const beast::error_code& error) {
  if (error == http::error::header_limit) {
    return error_response(431, "the request's head is larger than 16 KiB");
  }
  if (error == http::error::body_limit) {
    return error_response(413, "the request's body is larger than admin.max_body_bytes");
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != beast::error_code(http::error::bad_method).category()) {
    return std::nullopt;
  }
  return error_response(400, "not a well-formed HTTP request: " + error.message());
}

}  // namespace

Session::Session(boost::asio::ip::tcp::socket socket, const Router& router,
                 const SessionLimits& limits, SessionCount& count)
    : stream_(std::move(socket)), router_(router), limits_(limits), count_(count) {
  count_.add();
}

Session::~Session() {
  count_.remove();
}

void Session::start() {
  read_head();
}

void Session::refuse() {
  keep_alive_ = false;
  stream_.expires_after(std::chrono::seconds(1));
  write(error_response(503, "too many connections: see admin.max_connections"));
}

void Session::read_head() {
  parser_.emplace();
  parser_->header_limit(kMaxHeadBytes);
  parser_->body_limit(limits_.max_body_bytes);
  stream_.expires_after(limits_.timeout);
  http::async_read_header(stream_, buffer_, *parser_,
                          [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                            if (!error) return self->read_body();
                            self->keep_alive_ = false;
                            if (auto response = answer_to(error))
                              return self->write(std::move(*response));
                            self->close();
                          });
}

void Session::read_body() {
  head_only_ = parser_->get().method() == http::verb::head;
  keep_alive_ = parser_->get().keep_alive();
  version_ = parser_->get().version();
  stream_.expires_after(limits_.timeout);
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](const beast::error_code& error, std::size_t) {
                     if (!error) return self->answer();
                     self->keep_alive_ = false;
                     if (auto response = answer_to(error)) return self->write(std::move(*response));
                     self->close();
                   });
}

void Session::answer() {
  // An endpoint may take longer than a client may: it has its own bound.
  stream_.expires_never();
  auto message = parser_->release();
  const auto header = [&](http::field field) { return std::string(message[field]); };
  auto target = parse_target({message.target().data(), message.target().size()});
  if (!target) return write(error_response(target.error()));
  Request request;
  request.method = method_of(message.method());
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  request.accept = header(http::field::accept);
  request.authorization = header(http::field::authorization);
  request.range = header(http::field::range);
  request.body = std::move(message.body());
  router_.route(std::move(request), [self = shared_from_this()](Response response) {
    boost::asio::dispatch(
        self->stream_.get_executor(),
        [self, response = std::move(response)]() mutable { self->write(std::move(response)); });
  });
}

void Session::write(Response response) {
  const auto message = std::make_shared<http::response<http::string_body>>();
  message->version(version_);
  message->result(response.status);
  message->set(http::field::content_type, response.content_type);
  message->set(http::field::cache_control, "no-store");
  message->set("X-Content-Type-Options", "nosniff");
  message->set("X-Frame-Options", "DENY");
  message->set("Referrer-Policy", "no-referrer");
  for (const auto& [name, value] : response.headers) message->set(name, value);
  if (message->find("Content-Security-Policy") == message->end()) {
    message->set("Content-Security-Policy", "default-src 'none'");
  }
  message->keep_alive(keep_alive_);
  message->content_length(response.body.size());
  if (!head_only_) message->body() = std::move(response.body);
  stream_.expires_after(limits_.timeout);
  http::async_write(
      stream_, *message,
      [self = shared_from_this(), message](const beast::error_code& error, std::size_t) {
        if (error || !self->keep_alive_) return self->close();
        self->read_head();
      });
}

void Session::close() {
  beast::error_code ignored;
  stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  stream_.close();
}

}  // namespace remapd::admin
