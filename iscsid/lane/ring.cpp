#include "iscsid/lane/ring.hpp"

#include "iscsid/lane/ring_epoll.hpp"
#include "iscsid/lane/ring_uring.hpp"

namespace iscsid::lane {

std::unique_ptr<ring> make_ring(std::string* why_not, bool force_epoll) {
    if (!force_epoll)
        if (auto made = make_ring_uring(why_not))
            return made;
    return make_ring_epoll();
}

} // namespace iscsid::lane
