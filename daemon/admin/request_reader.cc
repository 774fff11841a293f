#include "daemon/admin/request_reader.h"

#include <string>
#include <utility>

namespace remapd::admin {
namespace {

namespace http = boost::beast::http;

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

}  // namespace

Result<Request> to_request(http::request<http::string_body>&& message) {
  auto target = parse_target({message.target().data(), message.target().size()});
  if (!target) return fail(std::move(target).error());
  const auto header = [&](auto name) {
    const auto value = message[name];
    return std::string(value.data(), value.size());
  };
  Request request;
  request.method = method_of(message.method());
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  request.host = header(http::field::host);
  request.accept = header(http::field::accept);
  request.authorization = header(http::field::authorization);
  request.origin = header(http::field::origin);
  request.sec_fetch_site = header("Sec-Fetch-Site");
  request.range = header(http::field::range);
  request.if_range = header(http::field::if_range);
  request.if_none_match = header(http::field::if_none_match);
  request.last_event_id = header("Last-Event-ID");
  request.body = std::move(message.body());
  return request;
}

}  // namespace remapd::admin
