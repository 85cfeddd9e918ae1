#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace iscsid::device {

// What happens to the kernel's block devices, as it happens: the kernel's own uevents, for which no
// udevd is needed. One thread, that of the executor.
class block_events {
  public:
    // A device has changed or is gone. "": look at every one, for some events may have been missed.
    using listener = std::function<void(std::string_view node)>;

    // Hears nothing yet.
    explicit block_events(boost::asio::any_io_executor thread);
    ~block_events();
    block_events(const block_events&) = delete;
    block_events& operator=(const block_events&) = delete;
    block_events(block_events&&) = delete;
    block_events& operator=(block_events&&) = delete;

    // From now on. Not every namespace gets the kernel's events, so all listeners are also told ""
    // from time to time. False: there is no socket for events; then there is only that.
    bool listen();

    // `what` is called as long as somebody has the token, never from within this function.
    using token = std::shared_ptr<const listener>;
    token subscribe(listener what);

    // Tells all listeners.
    void tell(std::string_view node);

  private:
    class socket;

    void look_again_later();
    void hear();

    boost::asio::any_io_executor thread_;
    std::vector<std::weak_ptr<const listener>> listeners_;
    std::unique_ptr<socket> socket_;
};

} // namespace iscsid::device
