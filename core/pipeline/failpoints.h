// The names of the daemon's failpoints (core/base/failpoint.h): in intake, checkpoints, publication
// and dead letters. A failpoint is passed right before the step it names, or, with ".done", after.
#pragma once

#include <array>
#include <string_view>

namespace remapd::pipeline::failpoints {

inline constexpr std::string_view kIngest = "ingest";
inline constexpr std::string_view kIngestDone = "ingest.done";
inline constexpr std::string_view kCheckpointWrite = "checkpoint.write";  // half is written; fails
inline constexpr std::string_view kCheckpointRename = "checkpoint.rename";
inline constexpr std::string_view kCheckpointDone = "checkpoint.done";
inline constexpr std::string_view kCommitDone = "commit.done";
inline constexpr std::string_view kPublishBlob = "publish.blob";  // before each blob; fails
inline constexpr std::string_view kPublishManifest = "publish.manifest";
inline constexpr std::string_view kPublishDone = "publish.done";
inline constexpr std::string_view kDeadLettersSync = "dead_letters.sync";  // fails

inline constexpr std::array kAll = {
    kIngest,     kIngestDone,  kCheckpointWrite, kCheckpointRename, kCheckpointDone,
    kCommitDone, kPublishBlob, kPublishManifest, kPublishDone,      kDeadLettersSync};

}  // namespace remapd::pipeline::failpoints
