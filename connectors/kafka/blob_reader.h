// Reads one blob of a published version from its stretch of the mapping topic.
#pragma once

#include "connectors/kafka/record_log.h"
#include "connectors/kafka/table_history.h"
#include "core/base/result.h"
#include "core/mapping/manifest.h"

namespace remapd::kafka {

// Verified against the manifest. kNotFound: it has no such blob, or its chunks have been deleted;
// kCorrupt: the bytes are not those the manifest names; kUnavailable (retryable). O(bytes of the
// version's stretch).
Result<mapping::BlobPtr> read_blob(RecordLog& log, const PublishedVersion& version,
                                   mapping::BlobKind kind);

// The error with the blob's table, version and kind in its message.
Error blob_error(Error error, const mapping::Manifest& manifest, mapping::BlobKind kind);

}  // namespace remapd::kafka
