// HttpClient: GET over one kept-alive connection, by libcurl: http://, https:// (certificates are
// verified), and a unix socket.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"

namespace remapd::http {

struct HttpOptions {
  // "http://host:9643", "https://host:9643" or "unix:/run/remapd/admin.sock"; a path is put before
  // every path asked for.
  std::string url;
  std::filesystem::path token_file{};  // read for each request; empty: no token
  std::filesystem::path ca_file{};     // PEM, instead of the system's authorities; empty: those
  std::chrono::milliseconds connect_timeout{5'000};
  // A response fails when no byte of it comes for this long; the whole may take longer.
  std::chrono::milliseconds stall_timeout{10'000};
  std::uint64_t max_bytes = std::uint64_t{1} << 36;  // of an answer
};

struct HttpResponse {
  int status = 0;
  std::string etag;  // with its quotes; empty: none
  Bytes body;
  bool whole = true;  // false: the connection broke, `body` is what had come
};

class HttpClient {
 public:
  // kInvalidArgument: no such URL, or the token cannot be read.
  static Result<std::unique_ptr<HttpClient>> create(HttpOptions options);
  ~HttpClient();

  // `headers` as they are sent, "If-None-Match: \"x\"". kUnavailable (retryable): no response;
  // kInvalidArgument: the certificate is not accepted. A response of any status is not an error.
  Result<HttpResponse> get(std::string_view path, const std::vector<std::string>& headers);

  const std::string& url() const;

 private:
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace remapd::http
