// DeadLetterFile: what could not be read, as lines of JSON in a file of bounded size.
//
//   {"origin":"access","partition":3,"offset":17,"reason":"...","payload_bytes":5,"payload":"aGVsbG8="}
//
// "line" follows the offset where only a record of the message is bad: the line it begins in.
// `payload` is base64 (RFC 4648), of the first max_payload_bytes; payload_bytes is the length of
// the whole. `remapd` never reads the file; to look into it:  jq -r '.payload|@base64d' FILE
//
// When the file would grow beyond max_bytes it becomes FILE.1, FILE.1 becomes FILE.2, and so on;
// the oldest of keep_rotated is removed and its loss counted. Letters are buffered until show(),
// flush(), 64 KiB, or destruction. While the disk is full they wait in memory, up to 4 MiB; beyond
// that accept() refuses. A line is in the file whole or not at all. What was written is kept in
// memory until it is synced, and written again if syncing fails: the kernel may have dropped it. A
// letter may then be there twice.
//
// Not thread safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "connectors/files/durable_file.h"
#include "core/pipeline/dead_letter_sink.h"

namespace remapd::files {

struct DeadLetterFileOptions {
  std::filesystem::path path;
  std::uint64_t max_bytes = std::uint64_t{64} << 20;     // of one file; at least one letter fits
  std::uint32_t keep_rotated = 4;                        // older files kept beside the current one
  std::size_t max_payload_bytes = std::size_t{1} << 20;  // more of one payload is not kept
};

struct DeadLetterCounters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;        // no room to keep them: lost
  std::uint64_t files_removed = 0;  // by rotation, with the letters in them
};

class DeadLetterFile final : public pipeline::DeadLetterSink {
 public:
  // Opens the file to append to it, making its directory if need be. kIo, kResource.
  static Result<std::unique_ptr<DeadLetterFile>> create(DeadLetterFileOptions options);
  ~DeadLetterFile() override;

  // kResource when letters already wait for space up to the bound; this one is lost.
  Result<void> accept(const pipeline::DeadLetter& letter) override;
  // Everything accepted is in the file.
  Result<void> show() override { return write_out(); }
  // Everything accepted is on disk on success; on error it stays buffered and is tried again.
  Result<void> flush() override;

  const DeadLetterCounters& counters() const { return counters_; }

 private:
  explicit DeadLetterFile(DeadLetterFileOptions options) : options_(std::move(options)) {}
  Result<void> open();
  Result<void> write_out();
  Result<void> sync();
  Result<void> rotate();

  DeadLetterFileOptions options_;
  FileDescriptor fd_;
  std::uint64_t size_ = 0;  // of the current file, whole lines
  std::string buffer_;      // whole lines
  std::string unsynced_;    // likewise: in the file, perhaps not on disk
  DeadLetterCounters counters_;
};

}  // namespace remapd::files
