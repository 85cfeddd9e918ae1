#include "iscsid/device/block_events.hpp"

#include "iscsid/device/udev_pointers.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cerrno>
#include <chrono>
#include <utility>

namespace iscsid::device {

namespace {

namespace asio = boost::asio;

// A look reads one small file of /sys for each disk.
constexpr auto longest_time_without_a_look = std::chrono::seconds(30);

} // namespace

class block_events::socket {
  public:
    explicit socket(const asio::any_io_executor& thread)
        : later(thread), ready_(thread), library_(udev_new()) {
        if (library_)
            monitor_.reset(udev_monitor_new_from_netlink(library_.get(), "kernel"));
        if (!monitor_)
            return;
        udev_monitor_filter_add_match_subsystem_devtype(monitor_.get(), "block", "disk");
        if (udev_monitor_enable_receiving(monitor_.get()) >= 0)
            ready_.assign(udev_monitor_get_fd(monitor_.get()));
    }

    ~socket() {
        if (ready_.is_open())
            ready_.release(); // it is the library's
    }

    socket(const socket&) = delete;
    socket& operator=(const socket&) = delete;
    socket(socket&&) = delete;
    socket& operator=(socket&&) = delete;

    bool is_open() const { return ready_.is_open(); }

    template <class Then>
    void wait(Then then) {
        ready_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(then));
    }

    // Gives every event that is there to `to`; "" for what was lost.
    void read(const std::function<void(std::string_view)>& to) {
        errno = 0;
        while (const device_pointer event{udev_monitor_receive_device(monitor_.get())}) {
            const char* const node = udev_device_get_sysname(event.get());
            to(node == nullptr ? "" : node);
            errno = 0;
        }
        if (errno == ENOBUFS)
            to("");
    }

    asio::steady_timer later;

  private:
    asio::posix::stream_descriptor ready_;
    udev_pointer library_;
    monitor_pointer monitor_;
};

block_events::block_events(asio::any_io_executor thread) : thread_(std::move(thread)) {}

block_events::~block_events() = default;

bool block_events::listen() {
    socket_ = std::make_unique<socket>(thread_);
    look_again_later();
    if (socket_->is_open())
        hear();
    return socket_->is_open();
}

block_events::token block_events::subscribe(listener what) {
    std::erase_if(listeners_, [](const auto& each) { return each.expired(); });
    token made = std::make_shared<const listener>(std::move(what));
    listeners_.push_back(made);
    return made;
}

// A listener may end others, and subscribe more.
void block_events::tell(std::string_view node) {
    const auto all = listeners_;
    for (const auto& each : all)
        if (const auto heard = each.lock())
            (*heard)(node);
}

void block_events::look_again_later() {
    socket_->later.expires_after(longest_time_without_a_look);
    socket_->later.async_wait([this](const boost::system::error_code& ended) {
        if (ended)
            return;
        tell("");
        look_again_later();
    });
}

void block_events::hear() {
    socket_->wait([this](const boost::system::error_code& ended) {
        if (ended)
            return;
        socket_->read([this](std::string_view node) { tell(node); });
        hear();
    });
}

} // namespace iscsid::device
