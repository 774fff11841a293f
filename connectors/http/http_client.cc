#include "connectors/http/http_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <utility>

#include <curl/curl.h>

namespace remapd::http {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kMaxToken = 4096;

// curl_global_init() is not thread safe before its first use; a static's initialisation is.
bool initialise() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

Result<std::string> token_of(const std::filesystem::path& file) {
  std::string token;
  std::ifstream in(file);
  if (!in || !std::getline(in, token)) {
    return fail(ErrorCode::kInvalidArgument,
                "token file " + file.string() + " cannot be read, or is empty");
  }
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) {
    token.pop_back();
  }
  const bool sendable = !token.empty() && token.size() <= kMaxToken &&
                        token.find_first_of("\r\n") == std::string::npos;
  if (!sendable) {
    return fail(ErrorCode::kInvalidArgument,
                "token file " + file.string() + " does not hold a token in its first line");
  }
  return token;
}

struct Reception {
  HttpResponse response;
  std::uint64_t max_bytes = 0;
  bool too_long = false;
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* to) {
  auto& reception = *static_cast<Reception*>(to);
  if (reception.response.body.size() + size > reception.max_bytes) {
    reception.too_long = true;
    return 0;
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  reception.response.body.insert(reception.response.body.end(), bytes, bytes + size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* to) {
  const std::string_view line(data, size);
  constexpr std::string_view kEtag = "etag:";
  const bool is_etag = line.size() > kEtag.size() &&
                       std::equal(kEtag.begin(), kEtag.end(), line.begin(), [](char a, char b) {
                         return a == std::tolower(static_cast<unsigned char>(b));
                       });
  if (is_etag) {
    const std::size_t begin = line.find('"');
    const std::size_t end = line.rfind('"');
    if (begin < end) {
      static_cast<Reception*>(to)->response.etag = line.substr(begin, end - begin + 1);
    }
  }
  return size;
}

// The first line of an answer that never came is the reader's to understand.
Error error_of(CURLcode code, const std::string& url, const char* detail) {
  const std::string what = *detail != '\0' ? detail : curl_easy_strerror(code);
  const bool refused_certificate = code == CURLE_PEER_FAILED_VERIFICATION ||
                                   code == CURLE_SSL_CACERT_BADFILE ||
                                   code == CURLE_SSL_CERTPROBLEM;
  if (refused_certificate) {
    return {ErrorCode::kInvalidArgument,
            url + ": its certificate is not accepted (" + what +
                "); give the authority that signed it as ca_file",
            false};
  }
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
    return {ErrorCode::kInvalidArgument, url + ": " + what, false};
  }
  return {ErrorCode::kUnavailable, url + ": " + what, true};
}

struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

}  // namespace

class HttpClient::Impl {
 public:
  Impl(HttpOptions options, CURL* curl) : options_(std::move(options)), curl_(curl) {
    base_ = options_.url;
    if (base_.starts_with(kUnix)) {
      socket_ = base_.substr(kUnix.size());
      base_ = "http://localhost";
    }
    while (base_.ends_with('/')) base_.pop_back();
  }
  ~Impl() { curl_easy_cleanup(curl_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  const std::string& url() const { return options_.url; }

  Result<HttpResponse> get(std::string_view path, const std::vector<std::string>& headers) {
    std::string authorization;
    if (!options_.token_file.empty()) {
      // Read each time: a token that is changed is changed on both sides.
      auto token = token_of(options_.token_file);
      if (!token) return fail(std::move(token).error());
      authorization = "Authorization: Bearer " + *token;
    }
    std::unique_ptr<curl_slist, ListDeleter> list;
    const auto add = [&](const std::string& header) {
      curl_slist* longer = curl_slist_append(list.get(), header.c_str());
      if (longer == nullptr) return false;
      (void)list.release();
      list.reset(longer);
      return true;
    };
    bool added = authorization.empty() || add(authorization);
    for (const std::string& header : headers) added = added && add(header);
    if (!added) return fail(ErrorCode::kResource, "out of memory");

    Reception reception{.response = {}, .max_bytes = options_.max_bytes};
    std::array<char, CURL_ERROR_SIZE> detail{};
    const std::string url = base_ + std::string(path);
    curl_easy_reset(curl_);  // options, not the connection
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    if (!socket_.empty()) set(CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    if (!options_.ca_file.empty()) set(CURLOPT_CAINFO, options_.ca_file.c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_NOPROXY, "*");  // an admin endpoint is not reached by way of the web's proxy
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME,
        static_cast<long>(std::max<std::int64_t>(options_.stall_timeout.count() / 1000, 1)));
    set(CURLOPT_HTTPHEADER, list.get());
    set(CURLOPT_ERRORBUFFER, detail.data());
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, &reception);
    set(CURLOPT_HEADERFUNCTION, on_header);
    set(CURLOPT_HEADERDATA, &reception);
    const CURLcode code = curl_easy_perform(curl_);
    set(CURLOPT_ERRORBUFFER, nullptr);
    long status = 0;
    curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
    reception.response.status = static_cast<int>(status);
    if (reception.too_long) {
      return fail(ErrorCode::kResource, url + ": the answer is longer than " +
                                            std::to_string(options_.max_bytes) + " bytes");
    }
    if (code != CURLE_OK) {
      if (status == 0 || reception.response.body.empty()) {
        return fail(error_of(code, url, detail.data()));
      }
      reception.response.whole = false;
    }
    return std::move(reception.response);
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    // What is set is known to exist and to fit: only memory can fail here, and perform() tells.
    (void)curl_easy_setopt(curl_, option, value);
  }

  HttpOptions options_;
  std::string base_;
  std::string socket_;
  CURL* curl_;
};

Result<std::unique_ptr<HttpClient>> HttpClient::create(HttpOptions options) {
  const std::string& url = options.url;
  const bool known = url.starts_with("http://") || url.starts_with("https://") ||
                     (url.starts_with(kUnix) && url.size() > kUnix.size());
  if (!known) {
    return fail(ErrorCode::kInvalidArgument,
                "\"" + url +
                    "\" is no URL of an admin server: as in http://127.0.0.1:9643, "
                    "https://host:9643 or unix:/run/remapd/admin.sock");
  }
  if (!options.token_file.empty()) {
    if (auto token = token_of(options.token_file); !token) return fail(std::move(token).error());
  }
  CURL* const curl = initialise() ? curl_easy_init() : nullptr;
  if (curl == nullptr) return fail(ErrorCode::kResource, "libcurl cannot be initialised");
  return std::unique_ptr<HttpClient>(
      new HttpClient(std::make_unique<Impl>(std::move(options), curl)));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<HttpResponse> HttpClient::get(std::string_view path,
                                     const std::vector<std::string>& headers) {
  return impl_->get(path, headers);
}

const std::string& HttpClient::url() const {
  return impl_->url();
}

}  // namespace remapd::http
