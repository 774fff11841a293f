// A request and a response as the admin endpoints see them, free of sockets and of Beast.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/mapping/manifest.h"

namespace remapd::admin {

enum class Method : std::uint8_t { kGet, kHead, kPost, kOther };

struct Request {
  Method method = Method::kGet;
  std::string path;                                // decoded, begins with "/"
  std::map<std::string, std::string> query;        // decoded; of a repeated key the last value
  std::map<std::string, std::string> path_values;  // what the route's {names} matched
  // Headers as sent; empty if they were not.
  std::string host;
  std::string accept;
  std::string authorization;
  std::string origin;
  std::string sec_fetch_site;
  std::string range;
  std::string if_range;
  std::string if_none_match;
  std::string last_event_id;
  std::string body;

  // Empty if the query does not have it.
  std::string_view value(const std::string& key) const {
    const auto found = query.find(key);
    return found == query.end() ? std::string_view{} : std::string_view{found->second};
  }
};

// What a stream of events sends next; called on the server's thread about once a second for as long
// as the client is there and takes what it is sent.
using NextEvents = std::function<std::string()>;

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones
  // Instead of `body` and without a copy of it: `part` of `blob`.
  mapping::BlobPtr blob{};
  ByteView part{};
  // Instead of either: a body without end.
  NextEvents next_events{};

  std::string_view content() const { return blob == nullptr ? body : as_text(part); }
};

// {"error": message, "hint": hint}; without the hint where it is empty.
Response error_response(unsigned status, std::string_view message, std::string_view hint = {});
// The status that fits the error's code: 400, 404, 409, 503 or 500.
Response error_response(const Error& error);

// Called once, on any thread.
using Respond = std::function<void(Response)>;

// Splits a request target, "/path?a=1&b=2", and decodes it. kInvalidArgument: not a path, a broken
// percent escape, or a control character.
struct Target {
  std::string path;
  std::map<std::string, std::string> query;
};
Result<Target> parse_target(std::string_view target);

}  // namespace remapd::admin
