#include "daemon/admin/action_endpoints.h"

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace remapd::admin {
namespace {

using Json = nlohmann::ordered_json;

Response done(const Json& body) {
  Response response;
  response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

// The one member the body must have.
Result<Json> only_member(const Request& request, const char* name, const char* example) {
  const Json body = Json::parse(request.body, nullptr, false);
  if (body.is_object() && body.size() == 1 && body.contains(name)) return body[name];
  return fail(ErrorCode::kInvalidArgument, fmt::format("the body must be like {}", example));
}

void publish(application::Control& control, const Request& request, const Respond& respond) {
  const std::string& table = request.path_values.at("table");
  control.publish_now(table, [table, respond](const Result<Version>& version) {
    respond(version ? done({{"table", table}, {"version", version->value}})
                    : error_response(version.error()));
  });
}

void freeze(application::Control& control, const Request& request, bool frozen,
            const Respond& respond) {
  const std::string& table = request.path_values.at("table");
  const application::Answer<void> answer = [table, frozen, respond](const Result<void>& result) {
    respond(result ? done({{"table", table}, {"frozen", frozen}}) : error_response(result.error()));
  };
  frozen ? control.freeze(table, answer) : control.unfreeze(table, answer);
}

void roll_back(application::Control& control, const Request& request, const Respond& respond) {
  constexpr const char* kExample = R"({"version": 12})";
  const auto number = only_member(request, "version", kExample);
  if (!number) return respond(error_response(number.error()));
  if (!number->is_number_unsigned()) {
    return respond(error_response(400, fmt::format("the body must be like {}", kExample)));
  }
  const std::string& table = request.path_values.at("table");
  const Version target{number->get<std::uint64_t>()};
  control.roll_back(table, target, [table, target, respond](const Result<Version>& version) {
    respond(
        version
            ? done({{"table", table}, {"version", version->value}, {"rollback_of", target.value}})
            : error_response(version.error()));
  });
}

void set_log_level(application::Control& control, const Request& request, const Respond& respond) {
  const auto name = only_member(request, "level", R"({"level": "debug"})");
  if (!name) return respond(error_response(name.error()));
  const auto level = name->is_string() ? config::parse_log_level(name->get<std::string>())
                                       : std::optional<config::LogLevel>{};
  if (!level) {
    return respond(error_response(400, "there is no such level", "debug, info, warning or error"));
  }
  control.set_log_level(*level);
  respond(done({{"level", config::to_string(*level)}}));
}

}  // namespace

void add_action_endpoints(application::Control& control, Router& router) {
  router.add(Method::kPost, "/v1/tables/{table}/publish",
             [&control](const Request& request, const Respond& respond) {
               publish(control, request, respond);
             });
  router.add(Method::kPost, "/v1/tables/{table}/freeze",
             [&control](const Request& request, const Respond& respond) {
               freeze(control, request, true, respond);
             });
  router.add(Method::kPost, "/v1/tables/{table}/unfreeze",
             [&control](const Request& request, const Respond& respond) {
               freeze(control, request, false, respond);
             });
  router.add(Method::kPost, "/v1/tables/{table}/rollback",
             [&control](const Request& request, const Respond& respond) {
               roll_back(control, request, respond);
             });
  router.add(Method::kPost, "/v1/log-level",
             [&control](const Request& request, const Respond& respond) {
               set_log_level(control, request, respond);
             });
}

}  // namespace remapd::admin
