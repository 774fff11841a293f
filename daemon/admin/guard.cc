#include "daemon/admin/guard.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include "daemon/config/config_checks.h"

namespace remapd::admin {
namespace {

constexpr std::size_t kMaxBasic = 8192;

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// What follows "Scheme " in an Authorization header.
std::optional<std::string_view> after_scheme(std::string_view header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ' ||
      !same_ignoring_case(header.substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  header.remove_prefix(scheme.size());
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

std::string basic_password(std::string_view encoded) {
  if (encoded.size() % 4 != 0 || encoded.size() > kMaxBasic) return {};
  std::string text(encoded.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(encoded.data()),
                                   static_cast<int>(encoded.size()));
  if (size < 0) return {};
  // Padding is decoded to zeros.
  const std::size_t padding = encoded.ends_with("==") ? 2 : encoded.ends_with('=') ? 1 : 0;
  text.resize(static_cast<std::size_t>(size) - std::min<std::size_t>(padding, size));
  const std::size_t colon = text.find(':');
  return colon == std::string::npos ? std::string() : text.substr(colon + 1);
}

bool from_another_site(const Request& request) {
  const std::string& site = request.sec_fetch_site;
  if (!site.empty() && site != "same-origin" && site != "none") return true;
  if (request.origin.empty()) return false;
  const std::size_t scheme_end = request.origin.find("://");
  return scheme_end == std::string::npos ||
         !same_ignoring_case(std::string_view(request.origin).substr(scheme_end + 3), request.host);
}

// "localhost:9643", "127.0.0.1", "[::1]:9643". Clients that send none are no browsers.
bool names_this_machine(std::string_view host) {
  if (host.empty()) return true;
  if (host.front() == '[') {
    host = host.substr(1, host.find(']') - 1);
  } else {
    host = host.substr(0, host.find(':'));
  }
  std::string name(host);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  return config::is_loopback(name);
}

Response unauthorised(std::string_view scheme, std::string_view hint) {
  Response refusal = error_response(401, "the token is missing or wrong", hint);
  refusal.headers.emplace_back("WWW-Authenticate", std::string(scheme) + " realm=\"remapd\"");
  return refusal;
}

constexpr std::string_view kBearerHint =
    "send \"Authorization: Bearer TOKEN\" with the token of admin.token_file";

}  // namespace

bool is_probe(const Request& request) {
  return request.path == "/livez" || request.path == "/readyz";
}

std::optional<Response> Guard::refuse(const Request& request) const {
  if (reach_ == Reach::kLoopback && !is_probe(request) && !names_this_machine(request.host)) {
    return error_response(403,
                          "the Host header does not name this machine: \"" + request.host + "\"",
                          "ask for localhost, 127.0.0.1 or [::1]; a proxy must say so, too");
  }
  if (request.method == Method::kPost) return refuse_action(request);
  if (reach_ != Reach::kNetwork || is_probe(request)) return std::nullopt;
  if (const auto token = after_scheme(request.authorization, "Bearer")) {
    if (credentials_.is_token(*token)) return std::nullopt;
  } else if (const auto basic = after_scheme(request.authorization, "Basic")) {
    if (credentials_.is_token(basic_password(*basic))) return std::nullopt;
  }
  return unauthorised("Basic", kBearerHint);
}

std::optional<Response> Guard::refuse_action(const Request& request) const {
  if (from_another_site(request)) {
    return error_response(403, "actions cannot be asked for by another site's page",
                          "use the daemon's own page, or a client that is no browser");
  }
  if (!credentials_.token_hash) {
    return error_response(
        403, "actions are switched off: no token is configured",
        "set token_file in [admin] to a file that holds one (\"openssl rand -hex 32\" makes it)");
  }
  const auto token = after_scheme(request.authorization, "Bearer");
  if (token && credentials_.is_token(*token)) return std::nullopt;
  return unauthorised("Bearer", kBearerHint);
}

}  // namespace remapd::admin
