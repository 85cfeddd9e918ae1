#include "iscsid/sys/protect.hpp"

#include <gtest/gtest.h>

#include <malloc.h>

namespace iscsid::sys {
namespace {

TEST(protect, keeps_memory_for_a_recovery) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the heap is the sanitizer's";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    GTEST_SKIP() << "the heap is the sanitizer's";
#endif
#endif
    constexpr std::size_t wanted = 8U << 20U;
    reserve_heap(wanted);
    const auto now = ::mallinfo2();
    EXPECT_GE(now.fordblks, wanted) << "free, and in the process";
}

} // namespace
} // namespace iscsid::sys
