// FileCheckpointStore: checkpoints as numbered files of one directory.
//
//   DIRECTORY/checkpoint-00000000000000000042.remapd     the 42nd save
//
// Format, little endian, golden file in tests/golden:
//   0   8  magic "rmpdckpt"
//   8   4  format version, 1
//   12  4  header size, 64: where the payload begins
//   16  8  sequence number, as in the name
//   24  8  payload size in bytes
//   32  8  XXH3-64 of the payload
//   40  16 zero
//   56  8  XXH3-64 of the 56 bytes before
//   64     the payload
//
// A file is written under a hidden temporary name, synced, renamed, and the directory synced; it
// never replaces another. Only then are the oldest removed, so that `keep` remain. Who may save is
// in epoch.json (connectors/files/claim.h): taking over writes a new claim there, and saving
// checks, under the directory's lock and right before the rename, that the claim is still ours. A
// sequence number this store did not give or find when it took over means the same where there is
// no claim: another instance saves here. A stalled instance that wakes up can therefore not come
// between.
//
// Not thread safe: one caller at a time, which may be a background thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "connectors/files/claim.h"
#include "core/pipeline/checkpoint_store.h"

namespace remapd::checkpoint {

struct FileCheckpointOptions {
  std::filesystem::path directory;  // made if missing
  std::uint32_t keep = 3;           // newest checkpoints kept, >= 1
};

// One checkpoint file, whatever its name, verified.
struct CheckpointFile {
  std::uint64_t sequence = 0;
  Bytes payload;
};
// kNotFound, kIo, kCorrupt, kUnsupported.
Result<CheckpointFile> read_checkpoint_file(const std::filesystem::path& path);

// The first bytes of the newest checkpoint's payload, at most `size`, unverified: for whoever only
// wants to know what it is of. Empty: there is no checkpoint. kIo, kCorrupt, kUnsupported.
Result<Bytes> peek_newest_checkpoint(const std::filesystem::path& directory, std::size_t size);

class FileCheckpointStore final : public pipeline::CheckpointStore {
 public:
  // Finds out at once whether the directory can be written. kIo, kResource, kInvalidArgument.
  static Result<std::unique_ptr<FileCheckpointStore>> create(FileCheckpointOptions options);

  // kResource (no space; retryable), kIo, kConflict (another instance saves here).
  Result<void> save(const std::vector<ByteView>& pieces) override;
  Result<Loaded> load_latest() override;
  // kUnavailable (the lock is held; retryable), kIo, kResource.
  Result<bool> take_over(std::string_view instance) override;

  // The number of the newest checkpoint, 0 if there is none.
  std::uint64_t sequence() const { return sequence_; }

 private:
  explicit FileCheckpointStore(FileCheckpointOptions options) : options_(std::move(options)) {}
  Result<Loaded> load_listed(bool& vanished);
  Result<void> check_ours(const std::vector<std::uint64_t>& sequences) const;

  FileCheckpointOptions options_;
  std::uint64_t sequence_ = 0;
  std::optional<files::Claim> claim_;  // ours, once it has taken over
};

}  // namespace remapd::checkpoint
