// A certificate of its own making, for tests that speak TLS.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace remapd::test_support {

// Writes cert.pem (for "localhost", with this serial number) and key.pem into `dir`; false if it
// could not.
inline bool write_self_signed(const std::filesystem::path& dir, long serial = 1) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), &X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3'600);
  X509_set_pubkey(cert.get(), key.get());
  X509_NAME* const name = X509_get_subject_name(cert.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(cert.get(), name);
  if (X509_sign(cert.get(), key.get(), EVP_sha256()) == 0) return false;
  const auto write = [&](const char* file, auto put) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen((dir / file).c_str(), "w"),
                                                              &std::fclose);
    return out != nullptr && put(out.get()) == 1;
  };
  return write("key.pem",
               [&](std::FILE* out) {
                 return PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
               }) &&
         write("cert.pem", [&](std::FILE* out) { return PEM_write_X509(out, cert.get()); });
}

}  // namespace remapd::test_support
