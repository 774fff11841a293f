#include "daemon/admin/version_endpoints.h"

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "connectors/proto/manifest_codec.h"
#include "core/base/hash.h"
#include "daemon/admin/byte_range.h"
#include "daemon/admin/status_json.h"

namespace remapd::admin {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLatest = "latest";

std::optional<Response> no_such_table(const application::Control& control,
                                      const std::string& name) {
  const auto status = control.status();
  std::string known;
  for (const application::TableStatus& table : status->tables) {
    if (table.stats.name == name) return std::nullopt;
    known += (known.empty() ? "" : ", ") + table.stats.name;
  }
  return error_response(404, "there is no table \"" + name + "\"", "there are: " + known);
}

void versions_of(const application::Control& control, const Request& request,
                 const Respond& respond) {
  const std::string& name = request.path_values.at("table");
  if (auto refusal = no_such_table(control, name)) return respond(std::move(*refusal));
  const application::VersionShelf& shelf = control.versions();
  const application::KeptVersionPtr newest = shelf.find(name, std::nullopt);
  Json versions = Json::array();
  for (const application::VersionRecord& record : shelf.records(name)) {
    const bool out = record.outcome == application::VersionOutcome::kPublished ||
                     record.outcome == application::VersionOutcome::kFound;
    versions.push_back(to_json(record, out && shelf.find(name, record.version) != nullptr));
  }
  Response response;
  response.body =
      Json{{"table", name},
           {"newest", newest ? Json(newest->manifest.info.version.value) : Json(nullptr)},
           {"versions", std::move(versions)}}
          .dump(2, ' ', false, Json::error_handler_t::replace) +
      "\n";
  respond(std::move(response));
}

// The version a path names; else what to answer.
tl::expected<application::KeptVersionPtr, Response> kept_version(
    const application::Control& control, const Request& request) {
  const std::string& name = request.path_values.at("table");
  if (auto refusal = no_such_table(control, name)) return tl::unexpected(std::move(*refusal));
  const std::string& text = request.path_values.at("version");
  std::optional<Version> version;
  if (text != kLatest) {
    version.emplace();
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, version->value);
    if (error != std::errc{} || stop != end || *version == kNoVersion) {
      return tl::unexpected(
          error_response(400, "\"" + text + "\" is no version", "a number, or latest"));
    }
  }
  auto kept = control.versions().find(name, version);
  if (kept != nullptr) return kept;
  if (!version) {
    return tl::unexpected(error_response(404, "table \"" + name + "\" has no version yet"));
  }
  return tl::unexpected(
      error_response(404, fmt::format("version {} of table \"{}\" is not kept here", text, name),
                     fmt::format("/v1/tables/{}/versions tells which are; admin.keep_versions says "
                                 "how many",
                                 name)));
}

void manifest_of(const application::Control& control, const Request& request,
                 const Respond& respond) {
  auto kept = kept_version(control, request);
  if (!kept) return respond(std::move(kept).error());
  const std::string json = proto::to_json((*kept)->manifest);
  const ByteView bytes = as_bytes(json);
  const std::uint64_t hash = checksum(bytes);
  respond(
      conditional_response(request, "application/json",
                           std::make_shared<mapping::OwnedBlob>(Bytes(bytes.begin(), bytes.end())),
                           hash, request.path_values.at("version") != kLatest));
}

void blob_of(const application::Control& control, const Request& request, mapping::BlobKind kind,
             const Respond& respond) {
  auto kept = kept_version(control, request);
  if (!kept) return respond(std::move(kept).error());
  const application::KeptVersion& version = **kept;
  if (version.blob(kind) == nullptr) {
    return respond(
        error_response(404,
                       fmt::format("there is no {} of version {} here", mapping::to_string(kind),
                                   version.manifest.info.version.value),
                       "take the artifact"));
  }
  respond(conditional_response(request, "application/octet-stream", version.blob(kind),
                               version.manifest.blob(kind)->checksum,
                               request.path_values.at("version") != kLatest));
}

}  // namespace

Response conditional_response(const Request& request, std::string_view content_type,
                              mapping::BlobPtr blob, std::uint64_t checksum, bool immutable) {
  const std::string etag = fmt::format("\"{:016x}\"", checksum);
  Response response;
  response.content_type = content_type;
  response.headers = {
      {"ETag", etag},
      {"Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Accept-Ranges", "bytes"}};
  if (request.if_none_match == "*" || request.if_none_match.find(etag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  response.part = blob->view();
  const bool ranges = request.if_range.empty() || request.if_range == etag;
  const RangeAsked asked = ranges ? parse_range(request.range, response.part.size()) : RangeAsked{};
  if (asked.kind == RangeKind::kUnsatisfiable) {
    Response refusal = error_response(416, "the range begins beyond the end");
    refusal.headers.emplace_back("Content-Range", fmt::format("bytes */{}", response.part.size()));
    return refusal;
  }
  if (asked.kind == RangeKind::kPart) {
    response.status = 206;
    response.headers.emplace_back(
        "Content-Range",
        fmt::format("bytes {}-{}/{}", asked.range.first, asked.range.first + asked.range.size - 1,
                    response.part.size()));
    response.part = response.part.subspan(asked.range.first, asked.range.size);
  }
  response.blob = std::move(blob);
  return response;
}

void add_version_endpoints(application::Control& control, Router& router) {
  router.add(Method::kGet, "/v1/tables/{table}/versions",
             [&control](const Request& request, const Respond& respond) {
               versions_of(control, request, respond);
             });
  router.add(Method::kGet, "/v1/tables/{table}/manifest/{version}",
             [&control](const Request& request, const Respond& respond) {
               manifest_of(control, request, respond);
             });
  const auto add_blob = [&](const char* path, mapping::BlobKind kind) {
    router.add(Method::kGet, path,
               [&control, kind](const Request& request, const Respond& respond) {
                 blob_of(control, request, kind, respond);
               });
  };
  add_blob("/v1/tables/{table}/artifact/{version}", mapping::BlobKind::kSnapshot);
  add_blob("/v1/tables/{table}/delta/{version}", mapping::BlobKind::kDelta);
  add_blob("/v1/tables/{table}/plan/{version}", mapping::BlobKind::kPlan);
}

}  // namespace remapd::admin
