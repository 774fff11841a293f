#include "daemon/admin/router.h"

#include <algorithm>

namespace remapd::admin {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_variable(const std::string& segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool matches(const Router::Route& route, const std::vector<std::string>& segments) {
  return std::ranges::equal(route.segments, segments,
                            [](const std::string& pattern, const std::string& segment) {
                              return is_variable(pattern) ? !segment.empty() : pattern == segment;
                            });
}

Method served_as(Method method) {
  return method == Method::kHead ? Method::kGet : method;
}

}  // namespace

void Router::add(Method method, std::string_view path, Endpoint endpoint) {
  routes_.push_back({method, std::string(path), split(path), std::move(endpoint)});
}

void Router::route(Request request, Respond respond) const {
  const std::vector<std::string> segments = split(request.path);
  std::string allowed;
  for (const Route& route : routes_) {
    if (!matches(route, segments)) continue;
    if (route.method != served_as(request.method)) {
      if (!allowed.empty()) allowed += ", ";
      allowed += route.method == Method::kPost ? "POST" : "GET, HEAD";
      continue;
    }
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const std::string& pattern = route.segments[i];
      if (is_variable(pattern)) {
        request.path_values[pattern.substr(1, pattern.size() - 2)] = segments[i];
      }
    }
    return route.endpoint(request, std::move(respond));
  }
  if (allowed.empty()) {
    return respond(error_response(404, "there is nothing at " + request.path));
  }
  Response response = error_response(405, request.path + " allows only " + allowed);
  response.headers.emplace_back("Allow", allowed);
  respond(std::move(response));
}

}  // namespace remapd::admin
