// Router: which endpoint answers a request. Routes are literal paths in which a segment {name}
// matches any one segment; it is handed to the endpoint as path_values["name"].
//
// Filled before the server starts, then read by its thread alone.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/admin/http.h"

namespace remapd::admin {

// Called on the server's thread; must not block. Answers now or later, on any thread.
using Endpoint = std::function<void(const Request&, Respond)>;

class Router {
 public:
  // kGet serves HEAD as well: the server leaves the body out.
  void add(Method method, std::string_view path, Endpoint endpoint);

  // Answers 404 for a path there is no route for, and 405 with the methods there are.
  void route(Request request, Respond respond) const;

  struct Route {
    Method method;
    std::string path;
    std::vector<std::string> segments;
    Endpoint endpoint;
  };
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace remapd::admin
