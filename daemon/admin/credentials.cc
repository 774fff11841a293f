#include "daemon/admin/credentials.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>

#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>

#include "daemon/config/secret_path.h"

namespace remapd::admin {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::size_t kMinToken = 16;
constexpr std::size_t kMaxToken = 4096;

std::array<unsigned char, 32> hash_of(std::string_view text) {
  std::array<unsigned char, 32> out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

tl::unexpected<Error> unusable(std::string_view key, const std::string& path,
                               std::string_view why) {
  return fail(ErrorCode::kConfig, fmt::format("admin.{}: {}: {}", key, path, why));
}

Result<std::string> read_token(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string token;
  token.resize(kMaxToken + 2);
  file.read(token.data(), static_cast<std::streamsize>(token.size()));
  if (file.bad() || (file.gcount() == 0 && errno != 0)) {
    return unusable("token_file", path,
                    errno == 0 ? "cannot be read" : std::generic_category().message(errno));
  }
  token.resize(static_cast<std::size_t>(file.gcount()));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  const bool printable =
      std::ranges::all_of(token, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || token.size() < kMinToken || token.size() > kMaxToken) {
    return unusable("token_file", path,
                    fmt::format("must hold one token of {} to {} printable characters, without "
                                "spaces; \"openssl rand -hex 32\" makes one",
                                kMinToken, kMaxToken));
  }
  return token;
}

Result<TlsContextPtr> load_tls(const config::Admin& settings) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 |
                           ssl::context::no_tlsv1_1 | ssl::context::no_compression,
                       error);
  const std::string certificate = config::secret_path(settings.tls_certificate_file);
  if (context->use_certificate_chain_file(certificate, error)) {
    return unusable("tls_certificate_file", certificate, error.message());
  }
  const std::string key = config::secret_path(settings.tls_key_file);
  // A key with a password would make OpenSSL ask for it on the terminal.
  context->set_password_callback([](auto...) { return std::string(); }, error);
  if (context->use_private_key_file(key, ssl::context::pem, error)) {
    return unusable("tls_key_file", key, error.message());
  }
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return unusable("tls_key_file", key, "it is not the key of the certificate");
  }
  return context;
}

}  // namespace

bool Credentials::is_token(std::string_view text) const {
  if (!token_hash) return false;
  const auto hash = hash_of(text);
  return CRYPTO_memcmp(hash.data(), token_hash->data(), hash.size()) == 0;
}

Result<Credentials> load_credentials(const config::Admin& settings) {
  Credentials out;
  if (!settings.token_file.empty()) {
    const auto token = read_token(config::secret_path(settings.token_file));
    if (!token) return fail(token.error());
    out.token_hash = hash_of(*token);
  }
  if (!settings.tls_certificate_file.empty()) {
    auto tls = load_tls(settings);
    if (!tls) return fail(std::move(tls).error());
    out.tls = std::move(*tls);
  }
  return out;
}

std::string stamp_of_files(const config::Admin& settings) {
  std::string stamp;
  for (const std::string* path :
       {&settings.token_file, &settings.tls_certificate_file, &settings.tls_key_file}) {
    struct stat info {};
    if (path->empty() || ::stat(config::secret_path(*path).c_str(), &info) != 0) {
      stamp += "-;";
      continue;
    }
    stamp += fmt::format("{} {} {} {}.{};", info.st_dev, info.st_ino, info.st_size,
                         info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }
  return stamp;
}

}  // namespace remapd::admin
