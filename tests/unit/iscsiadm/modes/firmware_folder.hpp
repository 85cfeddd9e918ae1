#pragma once

#include <filesystem>
#include <fstream>
#include <string>

namespace iscsi::cli {

// A made sysfs with the table of a boot firmware: one network device and one target, to be changed.
class firmware_folder {
  public:
    explicit firmware_folder(std::filesystem::path sysfs) : sysfs_(std::move(sysfs)) {}

    void write(const std::string& file, const std::string& text) const {
        write_raw("firmware/ibft/" + file, text + "\n");
    }

    void write_raw(const std::string& file, const std::string& text) const {
        const auto path = sysfs_ / file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }

    void remove(const std::string& file) const {
        std::filesystem::remove_all(sysfs_ / "firmware/ibft" / file);
    }

    void add_all() const {
        write("initiator/initiator-name", "iqn.2020-01.test:boot");
        write("ethernet0/flags", "3");
        write("ethernet0/index", "0");
        write("ethernet0/mac", "52:54:00:00:00:01");
        write("ethernet0/ip-addr", "10.9.9.2");
        write("ethernet0/prefix-len", "24");
        write("ethernet0/subnet-mask", "255.255.255.0");
        write("ethernet0/gateway", "10.9.9.254");
        write("ethernet0/primary-dns", "10.9.9.253");
        write("ethernet0/origin", "3");
        write("ethernet0/vlan", "0");
        write("ethernet0/device/net/eth9/ifindex", "9");
        add_target("target0", "iqn.2020-01.test:t1", "10.9.9.1");
        write("target0/lun", "0000000000000000");
    }

    void add_target(const std::string& folder, const std::string& name, const std::string& address)
        const {
        write(folder + "/flags", "3");
        write(folder + "/target-name", name);
        write(folder + "/ip-addr", address);
        write(folder + "/port", "3260");
        write(folder + "/nic-assoc", "0");
    }

    void add_chap() const {
        write("target0/chap-type", "2");
        write("target0/chap-name", "bob");
        write("target0/chap-secret", "secret-of-bob");
        write("target0/rev-chap-name", "alice");
        write("target0/rev-chap-name-secret", "secret-of-alice");
    }

  private:
    std::filesystem::path sysfs_;
};

} // namespace iscsi::cli
