#include "iscsid/sys/protect.hpp"

#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/mman.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace iscsid::sys {
namespace {

constexpr bool heap_is_the_sanitizers() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    return false;
#endif
}

// VmRSS or VmLck of this process, in KiB.
std::size_t kibibytes_of(const std::string& field) {
    std::ifstream status("/proc/self/status");
    std::string word;
    while (status >> word && word != field + ":") {
    }
    std::size_t found = 0;
    status >> found;
    return found;
}

// Much memory is freed below a piece that stays.
std::unique_ptr<char[]> leave_a_hole_in_the_heap() {
    constexpr std::size_t pieces = 16384;
    constexpr std::size_t size = 4096;
    std::vector<std::unique_ptr<char[]>> all;
    all.reserve(pieces);
    for (std::size_t i = 0; i < pieces; ++i)
        all.push_back(std::make_unique<char[]>(size)); // cleared, so it is there
    return std::move(all.back());
}

TEST(protect, keeps_memory_for_a_recovery) {
    if (heap_is_the_sanitizers())
        GTEST_SKIP() << "the heap is the sanitizer's";
    constexpr std::size_t wanted = 8U << 20U;
    reserve_heap(wanted);
    const auto now = ::mallinfo2();
    EXPECT_GE(now.fordblks, wanted) << "free, and in the process";
}

TEST(protect, gives_free_memory_back) {
    if (heap_is_the_sanitizers())
        GTEST_SKIP() << "the heap is the sanitizer's";
    const auto last = leave_a_hole_in_the_heap();
    const auto with_hole = kibibytes_of("VmRSS");
    ASSERT_GE(with_hole, 65536U);
    return_free_memory();
    EXPECT_LE(kibibytes_of("VmRSS"), with_hole - 32768);
}

TEST(protect, gives_locked_memory_back_and_keeps_the_lock) {
    if (heap_is_the_sanitizers())
        GTEST_SKIP() << "the heap is the sanitizer's";
    if (!lock_memory().empty())
        GTEST_SKIP() << "memory cannot be locked here";
    const auto last = leave_a_hole_in_the_heap();
    const auto with_hole = kibibytes_of("VmRSS");
    return_free_memory();
    EXPECT_LE(kibibytes_of("VmRSS"), with_hole - 32768);
    EXPECT_GE(kibibytes_of("VmLck"), 65536U) << "the addresses of the heap stay locked ones";
    ::munlockall();
}

} // namespace
} // namespace iscsid::sys
