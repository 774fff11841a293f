# remapd_library() and remapd_test(): every target gets the same warnings, sanitizers and include
# root, and says its dependencies in one place.

include(GNUInstallDirs)

add_library(remapd_options INTERFACE)
target_include_directories(remapd_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_features(remapd_options INTERFACE cxx_std_20)
# The released baseline: every x86-64 server since 2009. Wider SIMD is chosen at run time.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(remapd_options INTERFACE -march=x86-64-v2)
endif()
# Results must not depend on the optimiser's choice to contract a * b + c.
target_compile_options(remapd_options INTERFACE -ffp-contract=off)
if(REMAPD_SANITIZE)
  target_compile_options(remapd_options INTERFACE
                         -fsanitize=${REMAPD_SANITIZE} -fno-sanitize-recover=all
                         -fno-omit-frame-pointer)
  target_link_options(remapd_options INTERFACE -fsanitize=${REMAPD_SANITIZE})
endif()

if(REMAPD_BUILD_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "REMAPD_BUILD_FUZZ needs clang (libFuzzer): use the preset fuzz")
  endif()
  # What is fuzzed tells the fuzzer which of its edges an input took.
  target_compile_options(remapd_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(remapd_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(remapd_warnings INTERFACE)
target_compile_options(remapd_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wcast-align -Woverloaded-virtual
  -Wnull-dereference -Wformat=2 -Wimplicit-fallthrough -Wundef -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these from inlined standard-library code.
  target_compile_options(remapd_warnings INTERFACE
    -Wno-null-dereference -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds
    -Wno-restrict)
  if(REMAPD_SANITIZE)
    # It also reports fences in Boost.Asio (-Wtsan) and loops not unrolled at -O1: not errors there.
    target_compile_options(remapd_warnings INTERFACE -Wno-error)
  endif()
else()
  # librdkafka's RD_KAFKA_V_* macros.
  target_compile_options(remapd_warnings INTERFACE -Wno-gnu-statement-expression)
endif()

# remapd_library(<name> SOURCES a.cc ... [DEPS public ...] [PRIVATE_DEPS ...])
function(remapd_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC remapd_options ${ARG_DEPS}
                                PRIVATE remapd_warnings ${ARG_PRIVATE_DEPS})
endfunction()

# remapd_executable(<name> SOURCES main.cc ... [DEPS ...])
function(remapd_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE remapd_options remapd_warnings ${ARG_DEPS})
endfunction()

# remapd_test(<name> SOURCES a_test.cc ... [DEPS ...] [LABELS unit ...])
# One GoogleTest binary, one ctest entry (the binary's own output lists its cases).
function(remapd_test name)
  if(NOT REMAPD_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE remapd_options remapd_warnings ${ARG_DEPS}
                                        GTest::gmock GTest::gtest_main)
  # Tests run for moments: half of what optimising them further costs is never won back.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  target_compile_definitions(${name} PRIVATE
    REMAPD_SOURCE_DIR="${PROJECT_SOURCE_DIR}" REMAPD_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT}
                                          SKIP_REGULAR_EXPRESSION "every test skipped")
endfunction()

# remapd_bench(<name> SOURCES ... [DEPS ...]): a google-benchmark binary, not part of ctest.
function(remapd_bench name)
  if(NOT REMAPD_BUILD_BENCH)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE remapd_options remapd_warnings ${ARG_DEPS}
                                        benchmark::benchmark benchmark::benchmark_main)
endfunction()
