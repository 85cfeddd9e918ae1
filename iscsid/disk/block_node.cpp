#include "iscsid/disk/block_node.hpp"

#include "iscsid/disk/kernel/operations.hpp"
#include "iscsid/disk/kernel/waiting.hpp"

#include <unistd.h>

#include <fstream>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto usual_limit = 10s;
constexpr auto module_limit = 20s; // above that of load_module()

bool ask_whether(helper& waiter, const fields& question, const helper::limit& time) {
    const auto answer = waiter.ask(question, time).results;
    return answer && answer->size() == 1 && answer->front() == "1";
}

} // namespace

std::optional<std::string> get_attribute(const std::string& node, const std::string& attribute) {
    std::ifstream file("/sys/block/" + node + "/" + attribute);
    std::string value;
    if (!std::getline(file, value))
        return std::nullopt;
    return value;
}

bool set_attribute(
    helper& waiter, const std::string& node, const std::string& attribute, const std::string& value
) {
    return ask_whether(waiter, {operation::set, node, attribute, value}, {usual_limit});
}

bool is_known_to_kernel(const std::string& node) {
    return ::access(("/sys/block/" + node).c_str(), F_OK) == 0;
}

bool wait_for_node(const std::string& node, std::chrono::milliseconds limit) {
    const std::string path = "/dev/" + node;
    return wait_until(limit, [&path] { return ::access(path.c_str(), F_OK) == 0; });
}

bool is_held_by_others(helper& waiter, const std::string& node) {
    return ask_whether(waiter, {operation::is_held, node}, {usual_limit});
}

iscsi::result<void> protect_node(helper& waiter, const std::string& node, bool read_only) {
    return waiter.order({operation::protect, node, read_only ? "1" : "0"}, {usual_limit});
}

bool load_module(helper& waiter, const std::string& name, const std::string& option) {
    return ask_whether(waiter, {operation::load_module, name, option}, {module_limit});
}

} // namespace iscsid::disk
