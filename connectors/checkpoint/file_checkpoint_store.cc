#include "connectors/checkpoint/file_checkpoint_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/files/durable_file.h"
#include "core/base/failpoint.h"
#include "core/base/hash.h"
#include "core/pipeline/failpoints.h"

namespace remapd::checkpoint {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "checkpoint-";
constexpr std::string_view kSuffix = ".remapd";
constexpr std::string_view kTemporaryPrefix = ".checkpoint-";
constexpr std::size_t kDigits = 20;
constexpr int kListAttempts = 10;
constexpr std::string_view kLockFile = "lock";
constexpr std::chrono::milliseconds kLockPatience{10'000};

constexpr std::array<char, 8> kMagic = {'r', 'm', 'p', 'd', 'c', 'k', 'p', 't'};
constexpr std::uint32_t kFormatVersion = 1;

struct Header {
  std::array<char, 8> magic = kMagic;
  std::uint32_t format_version = kFormatVersion;
  std::uint32_t header_bytes = 64;
  std::uint64_t sequence = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t payload_checksum = 0;
  std::array<std::uint64_t, 2> reserved{};
  std::uint64_t header_checksum = 0;

  ByteView bytes() const { return std::as_bytes(std::span(this, 1)); }
  std::uint64_t expected_checksum() const {
    return checksum(bytes().first(sizeof(Header) - sizeof(header_checksum)));
  }
};
static_assert(sizeof(Header) == 64);

std::string name_of(std::uint64_t sequence) {
  return fmt::format("{}{:020}{}", kPrefix, sequence, kSuffix);
}

std::optional<std::uint64_t> sequence_of(std::string_view name) {
  if (name.size() != kPrefix.size() + kDigits + kSuffix.size() || !name.starts_with(kPrefix) ||
      !name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  const std::string_view digits = name.substr(kPrefix.size(), kDigits);
  std::uint64_t sequence = 0;
  const auto [stop, status] =
      std::from_chars(digits.data(), digits.data() + digits.size(), sequence);
  if (status != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  return sequence;
}

struct Listing {
  std::vector<std::uint64_t> sequences;  // ascending
  std::vector<fs::path> temporaries;     // left by a save that was cut off
};

Result<Listing> list(const fs::path& directory) {
  Listing listing;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (const auto sequence = sequence_of(name)) {
      listing.sequences.push_back(*sequence);
    } else if (name.starts_with(kTemporaryPrefix)) {
      listing.temporaries.push_back(at->path());
    }
  }
  if (error) return fail(files::system_error(directory, "list", error.value()));
  std::sort(listing.sequences.begin(), listing.sequences.end());
  return listing;
}

Result<void> read_exactly(int fd, std::span<std::byte> out, const fs::path& path) {
  std::size_t have = 0;
  while (have < out.size()) {
    const ssize_t n = ::read(fd, out.data() + have, out.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(files::system_error(path, "read", errno));
    if (n == 0) return fail(ErrorCode::kCorrupt, fmt::format("{}: cut off", path.string()));
    have += static_cast<std::size_t>(n);
  }
  return {};
}

// Verified, but for what only the payload itself can tell.
struct OpenCheckpoint {
  files::FileDescriptor fd;  // at the payload
  Header header;
};

Result<OpenCheckpoint> open_checkpoint(const fs::path& path) {
  files::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(files::system_error(path, "open", errno));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(files::system_error(path, "examine", errno));
  Header header;
  if (auto read = read_exactly(fd.get(), std::as_writable_bytes(std::span(&header, 1)), path);
      !read) {
    return fail(read.error());
  }
  const auto corrupt = [&](std::string_view what) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: {}", path.string(), what));
  };
  if (header.magic != kMagic) return corrupt("not a checkpoint: its first bytes are others");
  // Before the version: a later format keeps the place of its header checksum.
  if (header.header_checksum != header.expected_checksum()) {
    return corrupt("the checksum of the header does not hold: damaged");
  }
  if (header.format_version != kFormatVersion || header.header_bytes != sizeof(Header)) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: format version {}; this build reads version {}", path.string(),
                            header.format_version, kFormatVersion));
  }
  const std::uint64_t there = static_cast<std::uint64_t>(status.st_size) - sizeof(Header);
  if (header.payload_bytes != there) {
    return corrupt(fmt::format("{} bytes of payload where {} were written: cut off or extended",
                               there, header.payload_bytes));
  }
  return OpenCheckpoint{std::move(fd), header};
}

Result<Bytes> load(const fs::path& directory, std::uint64_t sequence) {
  const fs::path path = directory / name_of(sequence);
  auto file = read_checkpoint_file(path);
  if (!file) return fail(std::move(file).error());
  if (file->sequence != sequence) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: it holds checkpoint {}: was it renamed?",
                                                 path.string(), file->sequence));
  }
  return std::move(file->payload);
}

// Held while the directory is taken over or a checkpoint put in place, for moments. A file system
// without locks does without: the claim alone then keeps others away, but for that moment.
Result<std::optional<files::FileLock>> lock(const fs::path& directory) {
  auto lock = files::FileLock::acquire(directory / kLockFile, kLockPatience);
  if (lock) return std::optional(std::move(*lock));
  if (lock.error().retryable) return fail(std::move(lock).error());
  return std::nullopt;
}

}  // namespace

Result<CheckpointFile> read_checkpoint_file(const fs::path& path) {
  const auto file = open_checkpoint(path);
  if (!file) return fail(file.error());
  Bytes payload(file->header.payload_bytes);
  if (auto read = read_exactly(file->fd.get(), payload, path); !read) return fail(read.error());
  if (checksum(payload) != file->header.payload_checksum) {
    return fail(ErrorCode::kCorrupt,
                path.string() + ": the checksum of the payload does not hold: damaged");
  }
  return CheckpointFile{file->header.sequence, std::move(payload)};
}

Result<Bytes> peek_newest_checkpoint(const fs::path& directory, std::size_t size) {
  const auto listing = list(directory);
  if (!listing) return fail(listing.error());
  if (listing->sequences.empty()) return Bytes{};
  const fs::path path = directory / name_of(listing->sequences.back());
  const auto file = open_checkpoint(path);
  if (!file) return fail(file.error());
  Bytes start(std::min<std::uint64_t>(size, file->header.payload_bytes));
  if (auto read = read_exactly(file->fd.get(), start, path); !read) return fail(read.error());
  return start;
}

Result<std::unique_ptr<FileCheckpointStore>> FileCheckpointStore::create(
    FileCheckpointOptions options) {
  if (options.keep == 0) {
    return fail(ErrorCode::kInvalidArgument, "at least one checkpoint must be kept");
  }
  if (auto made = files::make_directories(options.directory); !made) return fail(made.error());
  if (auto writable = files::check_writable(options.directory); !writable) {
    return fail(writable.error());
  }
  const auto listing = list(options.directory);
  if (!listing) return fail(listing.error());
  std::unique_ptr<FileCheckpointStore> store(new FileCheckpointStore(std::move(options)));
  if (!listing->sequences.empty()) store->sequence_ = listing->sequences.back();
  return store;
}

// Nobody has taken the directory over, and nobody else has saved there.
Result<void> FileCheckpointStore::check_ours(const std::vector<std::uint64_t>& sequences) const {
  const fs::path& directory = options_.directory;
  if (claim_) {
    const auto there = files::read_claim(directory);
    if (there && there->token != claim_->token) {
      return fail(ErrorCode::kConflict,
                  fmt::format("{}: instance {} has taken this directory over and saves there now",
                              directory.string(), there->instance));
    }
    // One that is gone or damaged says nothing; the sequence does.
  }
  if (!sequences.empty() && sequences.back() > sequence_) {
    return fail(ErrorCode::kConflict,
                fmt::format("{}: checkpoint {} is there but this instance's last was {}: another "
                            "instance saves to the same directory",
                            directory.string(), sequences.back(), sequence_));
  }
  return {};
}

Result<bool> FileCheckpointStore::take_over(std::string_view instance) {
  const fs::path& directory = options_.directory;
  const auto held = lock(directory);
  if (!held) return fail(held.error());
  files::Claim claim{Epoch{1}, std::string(instance), files::random_token()};
  if (const auto previous = files::read_claim(directory)) {
    claim.epoch = Epoch{previous->epoch.value + 1};
  }
  if (auto written = files::write_claim(directory, claim); !written) return fail(written.error());
  claim_ = std::move(claim);
  const auto listing = list(directory);
  if (!listing) return fail(listing.error());
  const std::uint64_t newest = listing->sequences.empty() ? 0 : listing->sequences.back();
  const bool current = newest == sequence_;
  sequence_ = newest;
  return current;
}

Result<void> FileCheckpointStore::save(const std::vector<ByteView>& pieces) {
  const fs::path& directory = options_.directory;
  auto listing = list(directory);
  if (!listing) return fail(listing.error());
  if (auto ours = check_ours(listing->sequences); !ours) return ours;
  for (const fs::path& leftover : listing->temporaries) ::unlink(leftover.c_str());
  if (sequence_ == std::numeric_limits<std::uint64_t>::max()) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: there is no number after {}; move {} away", directory.string(),
                            sequence_, name_of(sequence_)));
  }

  Header header;
  header.sequence = sequence_ + 1;
  Checksum sum;
  for (const ByteView piece : pieces) {
    header.payload_bytes += piece.size();
    sum.add(piece);
  }
  header.payload_checksum = sum.value();
  header.header_checksum = header.expected_checksum();
  const fs::path temporary =
      directory / fmt::format("{}{:020}-{}", kTemporaryPrefix, header.sequence, ::getpid());
  std::vector<ByteView> parts = {header.bytes()};
  parts.insert(parts.end(), pieces.begin(), pieces.end());
  const ByteView last = parts.back();  // in halves: the failpoint lies between them
  parts.back() = last.first(last.size() / 2);
  parts.push_back(last.subspan(last.size() / 2));
  if (auto written = files::create_file(temporary, parts, pipeline::failpoints::kCheckpointWrite);
      !written) {
    return written;
  }
  failpoint(pipeline::failpoints::kCheckpointRename);
  const auto put_in_place = [&]() -> Result<void> {
    std::optional<files::FileLock> held;
    if (claim_) {
      auto locked = lock(directory);
      if (!locked) return fail(std::move(locked).error());
      held = std::move(*locked);
      listing = list(directory);
      if (!listing) return fail(listing.error());
      if (auto ours = check_ours(listing->sequences); !ours) return ours;
    }
    return files::rename_new(temporary, directory / name_of(header.sequence));
  };
  if (auto placed = put_in_place(); !placed) {
    ::unlink(temporary.c_str());
    return placed;
  }
  sequence_ = header.sequence;
  if (auto synced = files::sync_directory(directory); !synced) return synced;
  failpoint(pipeline::failpoints::kCheckpointDone);

  std::vector<std::uint64_t>& old = listing->sequences;
  const std::size_t keep_old = options_.keep - 1;
  const std::size_t remove = old.size() > keep_old ? old.size() - keep_old : 0;
  for (std::size_t i = 0; i < remove; ++i) ::unlink((directory / name_of(old[i])).c_str());
  return {};
}

// Another instance that still saves here may remove what has just been listed.
Result<FileCheckpointStore::Loaded> FileCheckpointStore::load_latest() {
  for (int attempt = 1;; ++attempt) {
    bool vanished = false;
    auto loaded = load_listed(vanished);
    if (!vanished || attempt == kListAttempts) return loaded;
  }
}

// `vanished`: a checkpoint that was listed is gone.
Result<FileCheckpointStore::Loaded> FileCheckpointStore::load_listed(bool& vanished) {
  const auto listing = list(options_.directory);
  if (!listing) return fail(listing.error());
  Loaded loaded;
  const auto& sequences = listing->sequences;
  sequence_ = sequences.empty() ? 0 : sequences.back();
  for (auto at = sequences.rbegin(); at != sequences.rend(); ++at) {
    auto payload = load(options_.directory, *at);
    if (payload) {
      loaded.checkpoint = std::move(*payload);
      return loaded;
    }
    vanished = vanished || payload.error().code == ErrorCode::kNotFound;
    loaded.skipped.push_back(payload.error().message);
  }
  if (!sequences.empty()) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("{}: none of {} checkpoints can be read (the newest: {}); to start "
                            "afresh and lose the statistics, move them away",
                            options_.directory.string(), sequences.size(), loaded.skipped.front()));
  }
  return loaded;
}

}  // namespace remapd::checkpoint
