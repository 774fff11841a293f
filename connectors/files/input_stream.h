// InputStream: the bytes of a file, decompressed on the way if the file is gzip or zstd.
//
// Which it is (RFC 1952, RFC 8878) is told by its first bytes, not by its name. Several gzip
// members or zstd frames one after another are one stream, as with zcat. Reads ahead 256 KiB, and a
// zstd frame's window (128 MiB at most); not thread safe.
//
// Errors: kNotFound or kIo when the file cannot be opened or read; kCorrupt when compressed data is
// damaged or ends early. What was intact before the damage is handed out first.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "core/base/result.h"

namespace remapd::files {

class InputStream {
 public:
  static Result<std::unique_ptr<InputStream>> open(const std::filesystem::path& path);
  ~InputStream();
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  // Fills at most out.size() bytes (> 0) and says how many; 0 = the end. After an error every
  // further call gives the same error.
  Result<std::size_t> read(std::span<char> out);

  bool compressed() const;

 private:
  struct State;
  explicit InputStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace remapd::files
