#include "iscsid/disk/null_driver.hpp"

namespace iscsid::disk {

namespace {

class null_disk final : public disk {
  public:
    const std::string& node() const override { return node_; }

    iscsi::result<void> remove() override { return {}; }

  private:
    std::string node_;
};

class null_driver final : public driver {
  public:
    std::string_view name() const override { return "none"; }

    iscsi::result<std::unique_ptr<disk>> attach(lane::lane&, const disk_request&) override {
        return std::make_unique<null_disk>();
    }
};

} // namespace

std::unique_ptr<driver> make_null_driver() {
    return std::make_unique<null_driver>();
}

} // namespace iscsid::disk
