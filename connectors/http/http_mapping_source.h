// HttpMappingSource: the mapping versions of one table from the admin server of a running daemon
// (docs/admin-api.md). For where neither the mapping topic nor the directory can be reached.
//
// The daemon keeps a few versions of each table ([admin] keep_versions). Those between the last one
// reported and the newest are found by following the manifests' parents as far as they are kept; a
// source that was there before the first version reports all that are. After a restart the daemon
// has the newest only. A download that breaks off goes on where it broke off.
//
// The daemon is asked for its newest manifest every `interval`, however often poll() is called:
// trainers poll at every step. One that cannot be reached is asked again after pauses that double,
// up to 10 s; until then poll() gives the error without another attempt.
//
// Not thread safe: one caller at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/http/http_client.h"
#include "core/mapping/mapping_source.h"

namespace remapd::http {

class HttpMappingSource final : public mapping::MappingSource {
 public:
  // The daemon need not be there yet. kInvalidArgument: see HttpClient, or a name no table can
  // have.
  static Result<std::unique_ptr<HttpMappingSource>> create(
      HttpOptions options, std::string table,
      std::chrono::milliseconds interval = std::chrono::milliseconds{500});

  // kUnavailable (retryable): the daemon cannot be reached, or is too busy, after the timeout;
  // kNotFound: it has no such table; kInvalidArgument: the token is missing or wrong, or the
  // certificate not accepted.
  Result<std::vector<mapping::Manifest>> poll(std::chrono::milliseconds timeout) override;

  Result<mapping::BlobPtr> fetch(const mapping::Manifest& manifest,
                                 mapping::BlobKind kind) override;

  bool caught_up() const override { return answered_; }

 private:
  using Clock = std::chrono::steady_clock;

  HttpMappingSource(std::unique_ptr<HttpClient> client, std::string table,
                    std::chrono::milliseconds interval);
  Result<std::vector<mapping::Manifest>> look();
  Result<std::vector<mapping::Manifest>> none_yet();
  Result<std::optional<mapping::Manifest>> kept(Version version);
  Result<mapping::Manifest> manifest_of(const HttpResponse& response) const;
  Error refusal(const HttpResponse& response) const;

  std::unique_ptr<HttpClient> client_;
  std::string table_;
  std::string base_;  // path of the table
  std::string etag_;  // of the newest manifest seen
  Version seen_ = kNoVersion;
  bool from_the_first_ = false;  // there was no version yet when it was asked first
  bool answered_ = false;        // it has been asked
  const std::chrono::milliseconds interval_;
  Clock::time_point next_look_{};
  std::chrono::milliseconds pause_{0};  // after a failure
  std::optional<Error> failure_;        // of the last look
};

}  // namespace remapd::http
