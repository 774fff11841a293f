#include "daemon/admin/endpoints.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/fields/id_rule.h"
#include "daemon/admin/action_endpoints.h"
#include "daemon/admin/event_feed.h"
#include "daemon/admin/openapi.h"
#include "daemon/admin/page_endpoints.h"
#include "daemon/admin/status_json.h"
#include "daemon/admin/version_endpoints.h"
#include "daemon/metrics/metrics.h"

namespace remapd::admin {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kDefaultCount = 20;
constexpr std::size_t kMostIds = 1'000;

Response json_response(const Json& body, unsigned status = 200) {
  Response response;
  response.status = status;
  response.body = body.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return response;
}

Response text_response(std::string text, unsigned status = 200) {
  Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// ?count=; kInvalidArgument unless 1 .. kMostIds.
Result<std::size_t> count_of(const Request& request) {
  const std::string_view text = request.value("count");
  if (text.empty()) return kDefaultCount;
  const auto count = parse_number(text);
  if (count && *count >= 1 && *count <= kMostIds) return static_cast<std::size_t>(*count);
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("count must be a number from 1 to {}", kMostIds));
}

// How the pipeline's answers become responses.
template <class T, class MakeBody>
application::Answer<T> answer_with(Respond respond, MakeBody make_body) {
  return [respond = std::move(respond), make_body](Result<T> result) {
    respond(result ? json_response(make_body(*result)) : error_response(result.error()));
  };
}

Json list_of(const std::vector<pipeline::IdStats>& ids) {
  Json list = Json::array();
  for (const pipeline::IdStats& id : ids) list.push_back(to_json(id));
  return {{"ids", std::move(list)}};
}

void ready(const application::Control& control, const Respond& respond) {
  const auto status = control.status();
  if (status->ready()) return respond(text_response("ready\n"));
  std::string reason = fmt::format("not ready: {}", to_string(status->phase));
  if (!status->problem.empty()) reason += ": " + status->problem;
  respond(text_response(reason + "\n", 503));
}

void metrics_of(const application::Control& control, const Request& request,
                const Respond& respond) {
  const metrics::TextFormat format = metrics::negotiate(request.accept);
  Response response =
      text_response(metrics::to_text(metrics::families_of(*control.status()), format));
  response.content_type = metrics::content_type(format);
  respond(std::move(response));
}

void history(const application::Control& control, const Request& request, const Respond& respond) {
  const std::string_view asked = request.value("span");
  if (!asked.empty() && asked != "30m" && asked != "12h") {
    return respond(error_response(400, "there is no such span", "30m or 12h"));
  }
  const auto span =
      asked == "12h" ? application::HistorySpan::kTwelveHours : application::HistorySpan::kHalfHour;
  Json points = Json::array();
  for (const application::HistoryPoint& point : control.history(span))
    points.push_back(to_json(point));
  respond(
      json_response({{"step_seconds", application::StatusHistory::resolution(span).step_ms / 1000},
                     {"points", std::move(points)}}));
}

void table_of(const application::Control& control, const Request& request, const Respond& respond) {
  const std::string& name = request.path_values.at("table");
  const auto status = control.status();
  for (const application::TableStatus& table : status->tables) {
    if (table.stats.name == name) return respond(json_response(to_json(table)));
  }
  respond(error_response(404, "there is no table \"" + name + "\""));
}

void lookup(application::Control& control, const Request& request, Respond respond) {
  const auto id = fields::id_of_text(request.value("id"));
  if (!id) return respond(error_response(400, "name an id: lookup?id=..."));
  const auto count = count_of(request);
  if (!count) return respond(error_response(count.error()));
  control.lookup(
      request.path_values.at("table"), *id, *count,
      answer_with<application::IdReport>(
          std::move(respond), [](const application::IdReport& report) { return to_json(report); }));
}

void heaviest(application::Control& control, const Request& request, Respond respond) {
  const auto count = count_of(request);
  if (!count) return respond(error_response(count.error()));
  const std::string_view asked = request.value("role");
  const auto role = asked.empty()          ? std::optional(pipeline::RowRole::kAny)
                    : asked == "dedicated" ? std::optional(pipeline::RowRole::kDedicated)
                    : asked == "shared"    ? std::optional(pipeline::RowRole::kShared)
                                           : std::nullopt;
  if (!role) return respond(error_response(400, "there is no such role", "dedicated or shared"));
  control.heaviest(request.path_values.at("table"), *count, *role,
                   answer_with<std::vector<pipeline::IdStats>>(std::move(respond), list_of));
}

void sharing_row(application::Control& control, const Request& request, Respond respond) {
  const auto row = parse_number(request.path_values.at("row"));
  if (!row || *row >= kNoRow.value) {
    return respond(error_response(400, "a row is a number below the table's rows"));
  }
  const auto count = count_of(request);
  if (!count) return respond(error_response(count.error()));
  control.sharing_row(request.path_values.at("table"), Row{static_cast<std::uint32_t>(*row)},
                      *count,
                      answer_with<std::vector<pipeline::IdStats>>(std::move(respond), list_of));
}

}  // namespace

Router endpoints(application::Control& control, const config::Admin& settings) {
  Router router;
  router.add(Method::kGet, "/livez",
             [](const Request&, const Respond& respond) { respond(text_response("alive\n")); });
  router.add(Method::kGet, "/readyz",
             [&control](const Request&, const Respond& respond) { ready(control, respond); });
  router.add(Method::kGet, "/status", [&control](const Request&, const Respond& respond) {
    respond(json_response(to_json(*control.status())));
  });
  router.add(Method::kGet, "/metrics", [&control](const Request& request, const Respond& respond) {
    metrics_of(control, request, respond);
  });
  router.add(Method::kGet, "/v1/history",
             [&control](const Request& request, const Respond& respond) {
               history(control, request, respond);
             });
  router.add(Method::kGet, "/v1/tables", [&control](const Request&, const Respond& respond) {
    respond(json_response(Json{{"tables", to_json(*control.status())["tables"]}}));
  });
  router.add(Method::kGet, "/v1/tables/{table}",
             [&control](const Request& request, const Respond& respond) {
               table_of(control, request, respond);
             });
  router.add(Method::kGet, "/v1/tables/{table}/lookup",
             [&control](const Request& request, Respond respond) {
               lookup(control, request, std::move(respond));
             });
  router.add(Method::kGet, "/v1/tables/{table}/heaviest",
             [&control](const Request& request, Respond respond) {
               heaviest(control, request, std::move(respond));
             });
  router.add(Method::kGet, "/v1/tables/{table}/rows/{row}/ids",
             [&control](const Request& request, Respond respond) {
               sharing_row(control, request, std::move(respond));
             });
  router.add(Method::kGet, "/v1/openapi.json", [](const Request&, const Respond& respond) {
    Response response;
    response.body = openapi_json();
    respond(std::move(response));
  });
  add_page_endpoints(router);
  add_version_endpoints(control, router);
  add_action_endpoints(control, router);
  router.add(Method::kGet, "/v1/events",
             [feed = std::make_shared<EventFeed>(control, settings.max_streams)](
                 const Request& request, const Respond& respond) { respond(feed->open(request)); });
  return router;
}

}  // namespace remapd::admin
