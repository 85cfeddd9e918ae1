#include "iscsid/sys/own_unit.hpp"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace iscsid::sys {

namespace {

constexpr const char* manager = "org.freedesktop.systemd1";
constexpr const char* unit_interface = "org.freedesktop.systemd1.Unit";
constexpr const char* service_interface = "org.freedesktop.systemd1.Service";
constexpr std::chrono::microseconds answer_limit = std::chrono::seconds(2);

struct closer {
    void operator()(sd_bus* bus) const { ::sd_bus_close_unref(bus); }

    void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }

    void operator()(char* text) const { std::free(text); } // NOLINT(*-no-malloc)
};

using bus_pointer = std::unique_ptr<sd_bus, closer>;
using message_pointer = std::unique_ptr<sd_bus_message, closer>;

// The socket of systemctl(1).
bus_pointer connect() {
    sd_bus* made = nullptr;
    if (::sd_bus_new(&made) < 0)
        return nullptr;
    bus_pointer bus(made);
    const bool works = ::sd_bus_set_address(made, "unix:path=/run/systemd/private") >= 0 &&
                       ::sd_bus_start(made) >= 0 &&
                       ::sd_bus_set_method_call_timeout(made, answer_limit.count()) >= 0;
    return works ? std::move(bus) : nullptr;
}

std::optional<std::string> path_of_own_unit(sd_bus* bus) {
    sd_bus_message* got = nullptr;
    const int asked = ::sd_bus_call_method(
        bus,
        manager,
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        "GetUnitByPID",
        nullptr,
        &got,
        "u",
        static_cast<std::uint32_t>(::getpid())
    );
    const message_pointer reply(got);
    const char* path = nullptr;
    if (asked < 0 || ::sd_bus_message_read(got, "o", &path) <= 0)
        return std::nullopt;
    return path;
}

std::optional<std::string>
text_property(sd_bus* bus, const std::string& path, const char* interface, const char* name) {
    char* got = nullptr;
    const int asked =
        ::sd_bus_get_property_string(bus, manager, path.c_str(), interface, name, nullptr, &got);
    const std::unique_ptr<char, closer> text(got);
    if (asked < 0)
        return std::nullopt;
    return std::string(got);
}

std::optional<unsigned> store_size(sd_bus* bus, const std::string& path) {
    std::uint32_t size = 0;
    const int asked = ::sd_bus_get_property_trivial(
        bus,
        manager,
        path.c_str(),
        service_interface,
        "FileDescriptorStoreMax",
        nullptr,
        SD_BUS_TYPE_UINT32,
        &size
    );
    return asked < 0 ? std::nullopt : std::optional<unsigned>(size);
}

// "": there is none.
std::optional<std::string> job_of(sd_bus* bus, const std::string& path) {
    sd_bus_message* got = nullptr;
    const int asked = ::sd_bus_get_property(
        bus, manager, path.c_str(), unit_interface, "Job", nullptr, &got, "(uo)"
    );
    const message_pointer reply(got);
    std::uint32_t number = 0;
    const char* job = nullptr;
    if (asked < 0 || ::sd_bus_message_read(got, "(uo)", &number, &job) <= 0)
        return std::nullopt;
    if (number == 0)
        return std::string();
    return text_property(bus, job, "org.freedesktop.systemd1.Job", "JobType");
}

} // namespace

std::optional<own_unit> ask_own_unit() {
    const auto bus = connect();
    if (!bus)
        return std::nullopt;
    const auto path = path_of_own_unit(bus.get());
    if (!path)
        return std::nullopt;
    const auto descriptors = store_size(bus.get(), *path);
    const auto restart = text_property(bus.get(), *path, service_interface, "Restart");
    const auto job = job_of(bus.get(), *path);
    if (!descriptors || !restart || !job)
        return std::nullopt;
    return own_unit{*descriptors, is_started_again(*job, *restart)};
}

// A job that stops the unit and starts it again is one until the start is due.
bool is_started_again(std::string_view job, std::string_view restart) {
    if (job == "stop")
        return false;
    return job == "restart" || job == "try-restart" || job == "start" || restart == "always";
}

} // namespace iscsid::sys
