#include "connectors/http/http_mapping_source.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "connectors/proto/manifest_codec.h"
#include "core/base/hash.h"
#include "core/base/huge_pages.h"

namespace remapd::http {
namespace {

using namespace std::chrono_literals;

constexpr int kAttempts = 5;      // at a download that breaks off
constexpr auto kBackoff = 100ms;  // before the second, then twice as long each time
constexpr std::chrono::milliseconds kLongestPause = 10s;
constexpr std::size_t kMostAtOnce = 1000;  // versions

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= 'a' && byte <= 'z') || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string_view path_of(mapping::BlobKind kind) {
  switch (kind) {
    case mapping::BlobKind::kSnapshot:
      return "artifact";
    case mapping::BlobKind::kDelta:
      return "delta";
    case mapping::BlobKind::kPlan:
      return "plan";
  }
  return "";
}

}  // namespace

Result<std::unique_ptr<HttpMappingSource>> HttpMappingSource::create(
    HttpOptions options, std::string table, std::chrono::milliseconds interval) {
  if (table.empty()) return fail(ErrorCode::kInvalidArgument, "the table has no name");
  auto client = HttpClient::create(std::move(options));
  if (!client) return fail(std::move(client).error());
  return std::unique_ptr<HttpMappingSource>(
      new HttpMappingSource(std::move(*client), std::move(table), interval));
}

HttpMappingSource::HttpMappingSource(std::unique_ptr<HttpClient> client, std::string table,
                                     std::chrono::milliseconds interval)
    : client_(std::move(client)),
      table_(std::move(table)),
      base_("/v1/tables/" + percent_encoded(table_)),
      interval_(interval) {}

Result<std::vector<mapping::Manifest>> HttpMappingSource::poll(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    if (Clock::now() >= next_look_) {
      auto found = look();
      if (found) {
        answered_ = true;
        failure_.reset();
        pause_ = 0ms;
        next_look_ = Clock::now() + interval_;
        if (!found->empty()) return found;
      } else {
        failure_ = std::move(found).error();
        pause_ = std::clamp<std::chrono::milliseconds>(2 * pause_, kBackoff, kLongestPause);
        next_look_ = Clock::now() + pause_;
      }
    }
    const bool waits = Clock::now() < deadline && (!failure_ || failure_->retryable);
    if (!waits && failure_) return fail(*failure_);
    if (!waits) return std::vector<mapping::Manifest>{};
    std::this_thread::sleep_until(std::min(deadline, next_look_));
  }
}

Result<std::vector<mapping::Manifest>> HttpMappingSource::look() {
  std::vector<std::string> headers;
  if (!etag_.empty()) headers.push_back("If-None-Match: " + etag_);
  const auto response = client_->get(base_ + "/manifest/latest", headers);
  if (!response) return fail(response.error());
  if (response->status == 304) return std::vector<mapping::Manifest>{};
  if (response->status == 404) return none_yet();
  if (response->status != 200) return fail(refusal(*response));
  auto newest = manifest_of(*response);
  if (!newest) return fail(std::move(newest).error());

  std::vector<mapping::Manifest> found;
  found.push_back(std::move(*newest));
  const Version last = found.front().info.version;
  // What comes after what was reported; else from the newest snapshot on.
  const bool whole_story = seen_ != kNoVersion || from_the_first_;
  const auto leads_back = [&] {
    return whole_story ? found.back().info.parent > seen_
                       : !found.back().blob(mapping::BlobKind::kSnapshot).has_value();
  };
  while (leads_back() && found.size() < kMostAtOnce) {
    const Version parent = found.back().info.parent;
    auto before = kept(parent);
    if (!before) return fail(std::move(before).error());
    if (!*before) break;
    if ((*before)->info.version != parent || (*before)->info.parent >= parent) {
      return fail(ErrorCode::kCorrupt, fmt::format("{}: answered with another manifest than that "
                                                   "of version {}",
                                                   client_->url(), parent.value));
    }
    found.push_back(std::move(**before));
  }
  std::reverse(found.begin(), found.end());
  etag_ = response->etag;
  seen_ = last;
  return found;
}

// None: the daemon does not keep it.
Result<std::optional<mapping::Manifest>> HttpMappingSource::kept(Version version) {
  const auto response = client_->get(fmt::format("{}/manifest/{}", base_, version.value), {});
  if (!response) return fail(response.error());
  if (response->status == 404) return std::nullopt;
  if (response->status != 200) return fail(refusal(*response));
  auto manifest = manifest_of(*response);
  if (!manifest) return fail(std::move(manifest).error());
  return std::optional<mapping::Manifest>(std::move(*manifest));
}

// 404 means no version yet, which passes, or no such table, which is an error of the configuration.
Result<std::vector<mapping::Manifest>> HttpMappingSource::none_yet() {
  const auto table = client_->get(base_, {});
  if (!table) return fail(table.error());
  if (table->status != 200) return fail(refusal(*table));
  if (seen_ == kNoVersion) from_the_first_ = true;  // reports all versions
  return std::vector<mapping::Manifest>{};
}

Result<mapping::Manifest> HttpMappingSource::manifest_of(const HttpResponse& response) const {
  if (!response.whole) {
    return fail(ErrorCode::kUnavailable, client_->url() + ": a manifest broke off", true);
  }
  auto manifest = proto::manifest_from_json(as_text(response.body));
  if (!manifest) {
    return fail(manifest.error().code, client_->url() + ": " + manifest.error().message);
  }
  if (manifest->info.table != table_) {
    return fail(ErrorCode::kCorrupt, client_->url() + ": answered with a manifest of table \"" +
                                         manifest->info.table + "\", asked for \"" + table_ + "\"");
  }
  return manifest;
}

Result<mapping::BlobPtr> HttpMappingSource::fetch(const mapping::Manifest& manifest,
                                                  mapping::BlobKind kind) {
  const std::optional<mapping::BlobInfo>& wanted = manifest.blob(kind);
  const std::uint64_t version = manifest.info.version.value;
  const std::string name = fmt::format("{} of version {}", mapping::to_string(kind), version);
  if (!wanted) return fail(ErrorCode::kNotFound, "there is no " + name);
  const std::string path = fmt::format("{}/{}/{}", base_, path_of(kind), version);
  Bytes bytes;
  for (int attempt = 1;; ++attempt) {
    std::vector<std::string> headers;
    if (!bytes.empty()) {
      headers.push_back(fmt::format("Range: bytes={}-", bytes.size()));
      headers.push_back(fmt::format("If-Range: \"{:016x}\"", wanted->checksum));
    }
    auto response = client_->get(path, headers);
    if (response) {
      if (response->status == 404) {
        return fail(ErrorCode::kNotFound, name + " is no longer kept by " + client_->url());
      }
      if (response->status != 200 && response->status != 206) return fail(refusal(*response));
      if (response->status == 200) bytes.clear();
      if (bytes.size() + response->body.size() > wanted->size) {
        return fail(ErrorCode::kCorrupt, name + " is longer than its manifest says");
      }
      if (bytes.empty()) {
        bytes.reserve(response->body.size());
        advise_huge_pages(bytes.data(), bytes.capacity());
      }
      bytes.insert(bytes.end(), response->body.begin(), response->body.end());
      if (bytes.size() == wanted->size) break;  // a proxy may cut an answer short and call it whole
    } else if (!response.error().retryable) {
      return fail(std::move(response).error());
    }
    if (attempt == kAttempts) {
      return fail(ErrorCode::kUnavailable,
                  fmt::format("{}: {} broke off {} times, the last time after {} of {} bytes",
                              client_->url(), name, kAttempts, bytes.size(), wanted->size),
                  true);
    }
    std::this_thread::sleep_for(kBackoff * (1 << (attempt - 1)));
  }
  if (checksum(bytes) != wanted->checksum) {
    return fail(ErrorCode::kCorrupt, name + " does not have the checksum of its manifest");
  }
  return std::make_shared<const mapping::OwnedBlob>(std::move(bytes));
}

Error HttpMappingSource::refusal(const HttpResponse& response) const {
  const auto body = nlohmann::json::parse(as_text(response.body), nullptr, false);
  std::string said = fmt::format("answered {}", response.status);
  if (body.is_object() && body.contains("error") && body["error"].is_string()) {
    said = body["error"].get<std::string>();
    if (body.contains("hint") && body["hint"].is_string()) {
      said += ": " + body["hint"].get<std::string>();
    }
  }
  said = client_->url() + ": " + said;
  switch (response.status) {
    case 401:
    case 403:
      return {ErrorCode::kInvalidArgument, said + "; give its token as token_file", false};
    case 404:
      return {ErrorCode::kNotFound, said, false};
    default:
      return {ErrorCode::kUnavailable, said, true};
  }
}

}  // namespace remapd::http
