// DirectoryMappingSink: mapping versions as directories of files (layout: mapping_directory.h).
//
// A version is written under a hidden name, every file and directory synced, and renamed into
// place: it exists, whole, when its directory does. Who published last is in epoch.json: taking a
// table over writes a new claim with the next epoch there, and publishing checks, under the table's
// lock and right before the rename, that the claim is still ours. An instance that was overtaken,
// stalled or not, can therefore neither replace a version nor add one. A claim that is damaged says
// nothing about who wrote it: it is written again by whoever publishes next, unless the versions
// tell of a successor.
//
// After a publish old versions are removed, except the newest `retain_versions`, and never the
// newest that has a snapshot nor what comes after it.
//
// Not thread safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/files/claim.h"
#include "core/mapping/mapping_sink.h"

namespace remapd::files {

struct DirectorySinkOptions {
  std::filesystem::path directory;                  // ROOT; made if missing
  std::uint32_t retain_versions = 16;               // of each table, >= 1
  std::chrono::milliseconds lock_patience{10'000};  // for another process to let go of a lock
};

class DirectoryMappingSink final : public mapping::MappingSink {
 public:
  // Finds out at once whether the directory can be written. kIo, kResource, kInvalidArgument.
  static Result<std::unique_ptr<DirectoryMappingSink>> create(DirectorySinkOptions options);

  // kInvalidArgument (a name no directory can have), kIo, kResource.
  Result<mapping::Tenure> examine(std::string_view table) override;

  // Also removes what a killed publisher left behind. kInvalidArgument (a name no directory can
  // have), kUnavailable (the lock is held; retryable), kIo, kResource.
  Result<mapping::Tenure> take_over(std::string_view table, std::string_view instance) override;

  // kConflict: another instance has taken the table over, or the version is there already with
  // another content. kResource: no space (retryable). On any error readers see no trace of it. The
  // same publication may be tried again.
  Result<void> publish(const mapping::Publication& publication) override;

  // kCorrupt when the bytes are not those the manifest names.
  Result<mapping::BlobPtr> snapshot(std::string_view table, Version version) override;
  Result<mapping::BlobPtr> delta(std::string_view table, Version version) override;

  // The last thing that went wrong without keeping a version from being published, for the log: a
  // version that could not be removed, a damaged file found while taking over. Empty: nothing.
  const std::string& last_problem() const { return last_problem_; }

 private:
  explicit DirectoryMappingSink(DirectorySinkOptions options) : options_(std::move(options)) {}
  Result<mapping::BlobPtr> blob(std::string_view table, Version version,
                                mapping::BlobKind kind) const;
  Result<mapping::Tenure> tenure_in(const std::filesystem::path& table_directory,
                                    std::string_view table);
  Result<std::optional<mapping::Manifest>> successor(const std::filesystem::path& table_directory,
                                                     const std::string& table);
  Result<void> mend_claim(const std::filesystem::path& table_directory, const std::string& table);
  Result<void> check_claim(const std::filesystem::path& table_directory, std::string_view table);
  Result<void> stage(const std::filesystem::path& staging, const mapping::Publication& publication,
                     std::string_view manifest);
  std::vector<std::filesystem::path> retire(const std::filesystem::path& table_directory);
  void remove(const std::filesystem::path& path);

  DirectorySinkOptions options_;
  std::map<std::string, Claim, std::less<>> claims_;  // by table: ours
  std::string last_problem_;
};

}  // namespace remapd::files
