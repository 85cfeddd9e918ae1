#pragma once

#include <libudev.h>

#include <memory>

namespace iscsid::device {

struct udev_release {
    void operator()(udev* what) const { udev_unref(what); }

    void operator()(udev_device* what) const { udev_device_unref(what); }

    void operator()(udev_monitor* what) const { udev_monitor_unref(what); }
};

// Objects of libudev, let go of with the pointer.
using udev_pointer = std::unique_ptr<udev, udev_release>;
using device_pointer = std::unique_ptr<udev_device, udev_release>;
using monitor_pointer = std::unique_ptr<udev_monitor, udev_release>;

} // namespace iscsid::device
