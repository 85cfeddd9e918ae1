#include "iscsid/os/random.hpp"

#include <sys/random.h>

namespace iscsid::os {

std::vector<std::byte> random_bytes(std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (std::size_t filled = 0; filled < count;) {
        const auto got = ::getrandom(bytes.data() + filled, count - filled, 0);
        filled += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return bytes;
}

} // namespace iscsid::os
