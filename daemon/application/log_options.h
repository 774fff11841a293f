// How a recorded log is to be read, as [source.file], [source.decode] and [[feature]] say.
#pragma once

#include "connectors/files/log_reader.h"
#include "daemon/config/config.h"

namespace remapd::application {

files::LogFileOptions log_options(const config::Config& config);

}  // namespace remapd::application
