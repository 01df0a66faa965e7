import Adapters
import LinearAlgebra

/// What one client made of a layer, and what it started from.
struct LayerChange: Sendable {
    let own: StoredAdapter.Module
    let start: LoRAModule

    /// Returns ⟨xᵢ, xⱼ⟩ of the changes of the layer's product, xᵢ = sᵢBᵢAᵢ − s⁰B⁰A⁰.
    ///
    /// - Complexity: O(n²·r²·(out + in)).
    static func productSpaceInnerProducts(of changes: [LayerChange]) -> InnerProducts {
        // Clients of one rank start from one module: its products are computed once.
        var starts: [LoRAModule] = []
        let startOf = changes.map { change in
            if let known = starts.firstIndex(of: change.start) { return known }
            starts.append(change.start)
            return starts.count - 1
        }
        let products = InnerProducts(
            of: changes.map { LowRankProduct($0.own) } + starts.map { LowRankProduct(StoredAdapter.Module($0)) }
        )
        var result = InnerProducts(count: changes.count)
        for row in changes.indices {
            let rowStart = changes.count + startOf[row]
            for column in changes.indices {
                let columnStart = changes.count + startOf[column]
                let own = products[row, column] - products[row, columnStart]
                result[row, column] = own - (products[rowStart, column] - products[rowStart, columnStart])
            }
        }
        return result
    }
}

extension LowRankProduct {
    /// Takes s·BA of a module over; a core becomes part of B.
    init(_ module: StoredAdapter.Module) {
        let b = module.core.map { StoredMatrix(module.b.resident() * $0.resident()) } ?? module.b
        self.init(b, module.a, scale: module.scaling)
    }
}

extension InnerProducts {
    /// Creates the inner products of low-rank products of one shape and any ranks, without forming one.
    ///
    /// One thread does it: layers are what is spread over threads.
    init(of products: [LowRankProduct]) {
        self.init(count: products.count, elements: LowRankProduct.innerProducts(of: products, threads: 1))
    }
}
