// Tasks for the pipeline thread: reports of its builder and checkpointer, queries and commands of
// operators.
#pragma once

#include <functional>

namespace remapd::application {

using Task = std::function<void()>;
// Hands a task to the pipeline thread; from any thread. A pipeline that has ended drops it.
using Post = std::function<void(Task)>;

}  // namespace remapd::application
