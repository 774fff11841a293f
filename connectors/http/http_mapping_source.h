// HttpMappingSource: the mapping versions of one table from the admin server of a running daemon
// (docs/admin-api.md). For where neither the mapping topic nor the directory can be reached.
//
// The daemon keeps a few versions of each table ([admin] keep_versions); a client that looks less
// often than they come finds the newest, as after a restart. A download that breaks off goes on
// where it broke off. The daemon is asked for its newest manifest every 500 ms, which it answers
// "not modified" without a body.
//
// Not thread safe: one caller at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/http/http_client.h"
#include "core/mapping/mapping_source.h"

namespace remapd::http {

class HttpMappingSource final : public mapping::MappingSource {
 public:
  // The daemon need not be there yet. kInvalidArgument: see HttpClient, or a name no table can
  // have.
  static Result<std::unique_ptr<HttpMappingSource>> create(HttpOptions options, std::string table);

  // kUnavailable (retryable): the daemon cannot be reached, or is too busy; kNotFound: it has no
  // such table; kInvalidArgument: the token is missing or wrong, or the certificate not accepted.
  Result<std::vector<mapping::Manifest>> poll(std::chrono::milliseconds timeout) override;

  Result<mapping::BlobPtr> fetch(const mapping::Manifest& manifest,
                                 mapping::BlobKind kind) override;

 private:
  HttpMappingSource(std::unique_ptr<HttpClient> client, std::string table);
  Result<std::vector<mapping::Manifest>> look();
  Result<std::vector<mapping::Manifest>> none_yet();
  Result<mapping::Manifest> manifest_of(const HttpResponse& response) const;
  Error refusal(const HttpResponse& response) const;

  std::unique_ptr<HttpClient> client_;
  std::string table_;
  std::string base_;  // path of the table
  std::string etag_;  // of the newest manifest seen
  Version seen_ = kNoVersion;
};

}  // namespace remapd::http
