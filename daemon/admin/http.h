// A request and a response as the admin endpoints see them, free of sockets and of Beast.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace remapd::admin {

enum class Method : std::uint8_t { kGet, kHead, kPost, kOther };

struct Request {
  Method method = Method::kGet;
  std::string path;                                // decoded, begins with "/"
  std::map<std::string, std::string> query;        // decoded; of a repeated key the last value
  std::map<std::string, std::string> path_values;  // what the route's {names} matched
  std::string accept;                              // header, as sent
  std::string authorization;
  std::string range;
  std::string body;

  // Empty if the query does not have it.
  std::string_view value(const std::string& key) const {
    const auto found = query.find(key);
    return found == query.end() ? std::string_view{} : std::string_view{found->second};
  }
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones
};

// {"error": message}
Response error_response(unsigned status, std::string_view message);
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
